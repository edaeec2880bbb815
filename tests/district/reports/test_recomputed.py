"""Each figure of a report, made again from rows by plain Python and by other libraries' formulas."""

import math
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from scipy import stats
from sqlalchemy import select
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from district.deliveries.models import InboxItem
from district.ledger.models import LedgerPosting, LedgerTransfer
from district.members.models import Member
from district.offers.arbitration_models import Exposure
from district.offers.models import Offer
from district.purchases.models import Purchase
from district.redemptions.models import Redemption
from district.visits.models import Visit
from push.attribution import Act, Touch, credited
from push.identifiers import CampaignId, MemberId
from tests.conftest import refresh
from tests.district.reports.conftest import HOURS, Trial, exposure

DAY = timedelta(hours=24)
Z = stats.norm.ppf(0.975)


def live_through(trial: Trial) -> None:
    """Two arms over some days: visits before and after, purchases, uses, reversals, second offers, a rival's offers."""
    rng, start = trial.luck, trial.clock.now()
    rival = trial.makers.campaign(trial.district, trial.makers.merchant(trial.district), [])
    other = trial.makers.store(trial.district)
    for arm, people in (("treated", 240), ("control", 62), ("district_control", 12)):
        for _ in range(people):
            at = start - rng.random() * 60 * HOURS
            member_id = trial.exposed(arm, at=at)
            regular = rng.random() < 0.4
            for _ in range(rng.randint(1, 4) if regular else 0):
                trial.visit(member_id, at - rng.random() * 45 * DAY)
            if rng.random() < (0.5 if arm == "treated" else 0.25) + 0.2 * regular:
                trial.visit(member_id, at + rng.random() * 30 * HOURS)
                trial.visit(member_id, at + rng.random() * 3 * HOURS, other)
            if rng.random() < 0.3:
                amount = rng.randint(500, 9_000)
                trial.buy(
                    member_id, at + rng.random() * 30 * HOURS, amount, refunded=rng.choice([0, 100, amount])
                )
                trial.buy(member_id, at - rng.random() * 40 * DAY, rng.randint(500, 9_000))
            if rng.random() < 0.3:
                member = trial.makers.session.get_one(Member, (trial.district.id, member_id))
                trial.told(trial.makers.offer(rival, member), at + rng.random() * 10 * HOURS)
            if arm == "treated":
                _use(trial, member_id, at)
    trial.makers.session.commit()


def _use(trial: Trial, member_id: uuid.UUID, at: Any) -> None:
    rng = trial.luck
    offer = trial.makers.session.scalars(
        select(Offer).where(Offer.member_id == member_id, Offer.campaign_id == trial.campaign.id)
    ).one()
    luck = rng.random()
    if luck < 0.5:
        offer.opened_at, offer.state = at, "opened"
    if luck < 0.2:
        discount = rng.choice([None, 250, 400])
        trial.redeem(offer, at + rng.random() * 30 * HOURS, discount, taken_back=luck < 0.04)
    if luck > 0.95:
        member = trial.makers.session.get_one(Member, (trial.district.id, member_id))
        key, later = uuid.uuid4().hex, at + 30 * HOURS
        again = trial.makers.offer(trial.campaign, member, occurrence_key=key, issued_at=later)
        trial.told(again, later)
        trial.add(exposure(trial.campaign, member_id, key=key, arm="treated", at=later, offer=again))


class Rows:
    """All rows of the district, and figures made of them by hand."""

    def __init__(self, trial: Trial, within: timedelta) -> None:
        def every(table: Any) -> list[Any]:
            return list(
                trial.makers.session.scalars(select(table).where(table.district_id == trial.district.id))
            )

        self.trial, self.within = trial, within
        self.visits = [one for one in every(Visit) if one.place_id == trial.store.id]
        self.purchases = [one for one in every(Purchase) if one.refunded_minor < one.amount_minor]
        self.redemptions = [one for one in every(Redemption) if one.reversed_at is None]
        self.offers = {one.id: one for one in every(Offer)}
        self.items = every(InboxItem)
        self.first: dict[uuid.UUID, Exposure] = {}
        for one in sorted(every(Exposure), key=lambda row: row.at):
            if one.campaign_id == trial.campaign.id:
                self.first.setdefault(one.member_id, one)

    def arm(self, name: str) -> list[Exposure]:
        return [one for one in self.first.values() if one.arm == name]

    def visits_of(self, one: Exposure, low: timedelta, high: timedelta) -> int:
        return sum(
            low <= row.started_at - one.at < high for row in self.visits if row.member_id == one.member_id
        )

    def spent_of(self, one: Exposure, low: timedelta, high: timedelta) -> int:
        return sum(
            row.amount_minor - row.refunded_minor
            for row in self.purchases
            if row.member_id == one.member_id and low <= row.at - one.at < high
        )

    def did(self, outcome: str, one: Exposure) -> bool:
        zero = timedelta(0)
        if outcome == "redemption":
            return any(
                self.offers[row.offer_id].member_id == one.member_id
                and zero <= row.redeemed_at - one.at < self.within
                for row in self.redemptions
            )
        if outcome == "purchase":
            return self.spent_of(one, zero, self.within) > 0
        came = self.visits_of(one, zero, self.within) > 0
        return came and (outcome == "visit" or not self.visits_of(one, -180 * DAY, zero))

    def cost(self) -> int:
        """Of all postings of the campaign: what entered tills' accounts less what left them."""
        session, total = self.trial.makers.session, 0
        for row, posting in session.execute(
            select(LedgerTransfer, LedgerPosting).join(
                LedgerPosting, LedgerPosting.id == LedgerTransfer.posting_id
            )
        ):
            if posting.campaign_id == self.trial.campaign.id:
                sign = (row.target == "merchant_payable") - (row.source == "merchant_payable")
                total += sign * row.amount_minor
        return total

    def credited(self, acts: list[tuple[uuid.UUID, Any, int]]) -> tuple[int, int]:
        """How many of these acts the last touch gives to the campaign, and their amounts."""
        touches = [
            Touch(
                campaign_id=CampaignId(self.offers[item.offer_id].campaign_id),
                member_id=MemberId(item.member_id),
                at=item.at,
            )
            for item in self.items
        ]
        own = [
            amount
            for member_id, at, amount in acts
            if (last := credited(Act(member_id=MemberId(member_id), at=at), touches, within=self.within))
            and last.campaign_id == self.trial.campaign.id
        ]
        return len(own), sum(own)


def close(found: Any, *wanted: float) -> None:
    assert [found["estimate"], found["low"], found["high"]] == pytest.approx(list(wanted), rel=1e-9, abs=1e-9)


def welch(treated: Sequence[float], control: Sequence[float]) -> tuple[float, float, float]:
    middle = float(np.mean(treated) - np.mean(control))
    half = Z * math.sqrt(np.var(treated, ddof=1) / len(treated) + np.var(control, ddof=1) / len(control))
    return middle, middle - half, middle + half


def adjusted(
    treated: Sequence[tuple[float, float]], control: Sequence[tuple[float, float]]
) -> tuple[float, float, float]:
    """CUPED by its definition: every y less theta times x, theta over both arms about their own means."""
    arms = [np.array(treated, dtype=float), np.array(control, dtype=float)]
    about = [arm - arm.mean(axis=0) for arm in arms]
    theta = sum((arm[:, 0] * arm[:, 1]).sum() for arm in about) / sum((arm[:, 1] ** 2).sum() for arm in about)
    rests = [arm[:, 0] - theta * arm[:, 1] for arm in arms]
    return welch(list(rests[0]), list(rests[1]))


@pytest.mark.parametrize("hours", [24, 48])
async def test_each_figure_can_be_made_again_from_rows(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial, hours: int
) -> None:
    live_through(trial)
    headers = trial.headers()
    trial.makers.session.commit()
    await refresh(app)
    answer = await client.get(trial.path, params={"within_h": hours}, headers=headers)
    assert answer.status_code == 200, answer.text
    report, rows = answer.json(), Rows(trial, timedelta(hours=hours))
    treated, control = rows.arm("treated"), rows.arm("control")
    check_funnel(report, rows)
    for one in report["effects"]:
        check_effect(one, rows)
    n, held = len(treated) + len(control), len(control)
    square = stats.chisquare([len(treated), held], [0.8 * n, 0.2 * n])
    assert report["sample_ratio"]["p_value"] == pytest.approx(square.pvalue)
    check_means(report, rows)
    check_money(report, rows)
    check_credited(report, rows)


def check_funnel(report: Any, rows: Rows) -> None:
    own = [one for one in rows.offers.values() if one.campaign_id == rows.trial.campaign.id]
    people = {name: len(rows.arm(name)) for name in ("treated", "control", "district_control")}
    arrived = {item.offer_id for item in rows.items}
    assert report["funnel"] == {
        "targeted": sum(people.values()),
        **people,
        "sent": len({one.member_id for one in own}),
        "delivered": len({one.member_id for one in own if one.id in arrived}),
        "opened": len({one.member_id for one in own if one.opened_at}),
        "visited": sum(rows.did("visit", one) for one in rows.arm("treated")),
        "redeemed": len({one.member_id for one in own if one.state == "redeemed"}),
    }
    redeemed = sum(one.state == "redeemed" for one in own)
    assert (report["issued"], report["redeemed"]) == (len(own), redeemed)
    low, high = proportion_confint(redeemed, len(own), method="wilson")
    close(report["redemption_rate"], redeemed / len(own), low, high)


def check_effect(found: Any, rows: Rows) -> None:
    counts = {}
    for name in ("treated", "control"):
        arm = rows.arm(name)
        counts[name] = (sum(rows.did(found["outcome"], one) for one in arm), len(arm))
        assert (found[name]["did"], found[name]["people"]) in {counts[name], (None, len(arm))}
    (did, people), (base, held) = counts["treated"], counts["control"]
    if found["difference"] is None:
        assert found["reason"] == "too_few"
        assert found["outcome"] != "visit"
        assert min(did, base) < 10
        return
    low, high = confint_proportions_2indep(did, people, base, held, compare="diff", method="newcomb")
    close(found["difference"], did / people - base / held, low, high)
    close(found["additional"], did - base * people / held, low * people, high * people)
    if base:
        assert found["relative"] == pytest.approx((did / people) / (base / held) - 1)
    assert found["is_certain"] == (low > 0 or high < 0)


def check_means(report: Any, rows: Rows) -> None:
    zero, month = timedelta(0), 28 * DAY
    arms = [
        [
            (rows.visits_of(one, zero, rows.within), rows.visits_of(one, -month, zero))
            for one in rows.arm(name)
        ]
        for name in ("treated", "control")
    ]
    plain, lessened = report["visits_per_member"]["plain"], report["visits_per_member"]["adjusted"]
    close(plain, *welch([y for y, _ in arms[0]], [y for y, _ in arms[1]]))
    close(lessened, *adjusted(arms[0], arms[1]))


def check_money(report: Any, rows: Rows) -> None:
    money, cost = report["money"], rows.cost()
    assert cost > 0
    assert (money["cost_minor"], money["measured_cost_minor"]) == (cost, cost)
    assert money["unpriced_redemptions"] == sum(one.discount_minor is None for one in rows.redemptions)
    zero, month = timedelta(0), 28 * DAY
    arms = [
        [(rows.spent_of(one, zero, rows.within), rows.spent_of(one, -month, zero)) for one in rows.arm(name)]
        for name in ("treated", "control")
    ]
    each, people = adjusted(arms[0], arms[1]), len(rows.arm("treated"))
    close(money["incremental_minor"], *(one * people for one in each))
    close(money["net_minor"], *(one * people - cost for one in each))
    visit = report["effects"][0]["additional"]
    assert visit["low"] > 0
    unit = money["per_incremental_visit"]
    assert [unit["estimate_minor"], unit["low_minor"], unit["high_minor"]] == pytest.approx(
        [cost / visit["estimate"], cost / visit["high"], cost / visit["low"]]
    )


def check_credited(report: Any, rows: Rows) -> None:
    visits = rows.credited([(row.member_id, row.started_at, 0) for row in rows.visits if row.member_id])
    purchases = rows.credited(
        [(row.member_id, row.at, row.amount_minor - row.refunded_minor) for row in rows.purchases]
    )
    assert report["credited"] == {
        "redemptions": len(rows.redemptions),
        "visits": visits[0],
        "purchases": purchases[0],
        "purchases_minor": purchases[1],
    }
