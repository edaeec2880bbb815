"""The marketing policy: read, changed, and what decisions make of it; the model that operators read."""

from datetime import time, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.offers import model_jobs, policies
from district.offers.arbitration_models import Exposure, MarketingPolicy, MerchantPrice
from district.offers.arbitration_models import RedeemModel as ModelRow
from district.offers.models import Offer
from push.coupon import RANDOM_BYTES, code_from
from push.holdout import Arm
from push.limits import CapRule, CapScope, Period
from push.redeem_model import FEATURES
from tests.conftest import refresh
from tests.district.offers.conftest import Ground
from tests.factories import Makers

FRESH = timedelta(minutes=3)


class Desk:
    """An operator of a district that has set nothing."""

    def __init__(self, makers: Makers, client: httpx.AsyncClient) -> None:
        self.makers, self._client = makers, client
        self.district: District = makers.district()
        makers.session.delete(makers.session.get_one(MarketingPolicy, (self.district.id,)))
        makers.done()
        self.token = makers.token(self.district, Role.OPERATOR)

    async def get(self, what: str = "marketing-policy") -> httpx.Response:
        return await self._client.get(self._path(what), headers=self._headers())

    async def patch(self, body: dict[str, Any]) -> httpx.Response:
        return await self._client.patch(self._path("marketing-policy"), json=body, headers=self._headers())

    def _path(self, what: str) -> str:
        return f"/v1/districts/{self.district.slug}/{what}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture
async def desk(app: FastAPI, client: httpx.AsyncClient, committed: Makers, ground: Ground) -> Desk:
    """After the ground, so that the application knows both districts."""
    desk = Desk(committed, client)
    await refresh(app)
    return desk


async def test_a_district_that_has_set_nothing_has_the_defaults(desk: Desk) -> None:
    found = (await desk.get()).json()
    assert (found["version"], found["offers_per_day"], found["gap_min"]) == (0, 2, 30)
    assert (found["holdout_pct"], found["control_pct"]) == (10, 0)
    assert (found["quiet_from"], found["quiet_until"]) == (21 * 60, 9 * 60)


async def test_what_is_named_changes_and_the_rest_stays(desk: Desk) -> None:
    changed = await desk.patch({"version": 0, "offers_per_day": 3, "merchant_per_day": 1, "control_pct": 5})
    assert (changed.status_code, changed.json()["version"]) == (200, 1)
    again = await desk.patch({"version": 1, "merchant_per_day": None, "gap_min": 0})
    found = (await desk.get()).json()
    assert again.json() == found
    assert (found["offers_per_day"], found["merchant_per_day"], found["gap_min"]) == (3, None, 0)
    assert (found["control_pct"], found["version"]) == (5, 2)


async def test_whoever_read_an_older_version_is_told_so(desk: Desk) -> None:
    await desk.patch({"version": 0, "gap_min": 10})
    late = await desk.patch({"version": 0, "gap_min": 90})
    assert late.status_code == 409
    assert (await desk.get()).json()["gap_min"] == 10


@pytest.mark.parametrize(
    "body",
    [
        {"offers_per_day": 3},
        {"version": 0, "offers_per_day": 0},
        {"version": 0, "offers_per_day": 11},
        {"version": 0, "offers_per_day": None},
        {"version": 0, "holdout_pct": 51},
        {"version": 0, "control_pct": 21},
        {"version": 0, "quiet_from": 1440},
        {"version": 0, "share_pct": 99},
        {"version": 0, "typical_spend_minor": 0},
        {"version": 0, "surprise": 1},
        {"version": 2**40},
    ],
    ids="-".join,
)
async def test_what_is_out_of_range_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    answer = await desk.patch(body)
    assert answer.status_code == 422
    assert (await desk.get()).json()["version"] == 0


async def test_nobody_but_an_operator_changes_it(desk: Desk, client: httpx.AsyncClient) -> None:
    path = f"/v1/districts/{desk.district.slug}/marketing-policy"
    assert (await client.patch(path, json={"version": 0})).status_code == 401
    desk.token = desk.makers.token(desk.district, Role.MERCHANT)
    assert (await desk.patch({"version": 0, "gap_min": 0})).status_code == 403


async def test_decisions_are_made_of_what_was_set(ground: Ground) -> None:
    ground.makers.policy(
        ground.district,
        offers_per_day=3,
        offers_per_7d=9,
        merchant_per_day=1,
        gap_min=45,
        control_pct=2,
        holdout_pct=20,
        quiet_from=1_320,
        quiet_until=480,
        typical_spend_minor=5_000,
    )
    price = MerchantPrice(
        district_id=ground.info.id,
        merchant_id=ground.merchant.id,
        price_minor=7.5,
        served=12,
        changed_at=ground.clock.now(),
    )
    ground.makers.session.add(price)
    ground.makers.done()
    found = await policies.current(ground.pool, ground.info, fresh_for=FRESH)
    assert found.shared_caps == (
        (CapScope.GLOBAL, CapRule(n=3, per=Period.DAY)),
        (CapScope.GLOBAL, CapRule(n=9, per=Period.SEVEN_DAYS)),
        (CapScope.MERCHANT, CapRule(n=1, per=Period.DAY)),
    )
    assert (found.gap, found.control_buckets, found.holdout_percent) == (timedelta(minutes=45), 200, 20.0)
    assert (found.quiet.start, found.quiet.end) == (time(22), time(8))
    assert [(one.price_minor, one.served) for one in found.market.standings.values()] == [(7.5, 12)]
    assert found.market.fairness.step_minor == pytest.approx(5.0)


def past_offers(ground: Ground, rows: int) -> None:
    """Offers that are over, redeemed the likelier the nearer their member was."""
    random = np.random.default_rng(3)
    campaign, member = ground.campaign(), ground.member()
    common = {"district_id": ground.info.id, "campaign_id": campaign.id, "member_id": member.id}
    offers, exposures = [], []
    for number in range(rows):
        near = float(random.random())
        is_redeemed = bool(random.random() < 0.05 + 0.6 * near)
        at = ground.clock.now() - timedelta(days=20) + timedelta(minutes=number)
        key = {**common, "occurrence_key": str(number)}
        offer = {
            **key,
            "id": new_id(),
            "code": code_from(number.to_bytes(RANDOM_BYTES)),
            "kind": "coupon",
            "value": {},
            "title": {},
            "text": {},
            "why": {},
            "valid_from": at,
            "valid_until": at + timedelta(hours=1),
            "issued_at": at,
            "redeemed_at": at if is_redeemed else None,
            "state": "redeemed" if is_redeemed else "issued",
        }
        values = [0.5] * len(FEATURES)
        values[FEATURES.index("near")] = near
        offers.append(offer)
        exposures.append(
            {
                **key,
                "campaign_version": 1,
                "merchant_id": ground.merchant.id,
                "arm": Arm.TREATED.value,
                "at": at,
                "offer_id": offer["id"],
                "kind": "percent:normal",
                "chance": 0.05,
                "score_minor": 1.0,
                "features": values,
                "model_version": 0,
            }
        )
    ground.makers.session.execute(insert(Offer), offers)
    ground.makers.session.execute(insert(Exposure), exposures)
    ground.makers.done()


async def test_history_is_fitted_once_a_day_and_used(ground: Ground) -> None:
    assert await model_jobs.refit(ground.pool, ground.info, now=ground.clock.now()) is None
    past_offers(ground, 1_400)
    fitted = await model_jobs.refit(ground.pool, ground.info, now=ground.clock.now())
    assert fitted is not None
    assert fitted.model.line is not None
    assert await model_jobs.refit(ground.pool, ground.info, now=ground.clock.now()) is None
    used = (await policies.current(ground.pool, ground.info, fresh_for=FRESH)).model
    assert used == fitted.model
    assert used.reasons((0.5,) * 5 + (1.0,) + (0.5,) * 5)[0].feature == "near"
    tomorrow = ground.clock.now() + timedelta(days=1)
    again = await model_jobs.refit(ground.pool, ground.info, now=tomorrow)
    assert again is not None
    assert (again.model.version, again.model.line) == (2, fitted.model.line)


async def test_offers_that_may_still_be_used_are_not_learnt_from(ground: Ground) -> None:
    past_offers(ground, 5)
    early = ground.clock.now() - timedelta(days=21)
    assert await model_jobs.refit(ground.pool, ground.info, now=early) is None


async def test_the_prior_is_shown_until_history_tells_more(desk: Desk) -> None:
    found = (await desk.get("redeem-model")).json()
    assert (found["version"], found["is_prior"], found["weights"], found["reliability"]) == (
        0,
        True,
        [],
        None,
    )
    assert {"kind": "gift:normal", "issued": 0, "redeemed": 0, "chance": 0.08} in found["priors"]


async def test_a_fitted_model_is_shown_with_its_words_and_its_reliability(
    desk: Desk, clock: FixedClock, ground: Ground
) -> None:
    past_offers(ground, 1_400)
    await model_jobs.refit(ground.pool, ground.info, now=clock.now())
    desk.token = desk.makers.token(ground.district, Role.OPERATOR)
    desk.district = ground.district
    found = (await desk.get("redeem-model")).json()
    assert (found["version"], found["is_prior"], found["rows"]) == (1, False, 1_400)
    assert found["weights"][0]["feature"] == "near"
    assert found["weights"][0]["words"] == {"zh": "离门店近", "en": "how near the shop is"}
    told = found["reliability"]
    assert told["offers"] == 280
    assert told["brier"] < told["brier_prior"]
    assert sum(one["offers"] for one in told["bins"]) == 280


async def test_a_model_that_cannot_be_read_any_more_leaves_the_prior(desk: Desk, ground: Ground) -> None:
    now = ground.clock.now()
    row = ModelRow(
        district_id=ground.info.id,
        version=4,
        fitted_at=now,
        until=now,
        rows=9,
        redeemed=1,
        document={"v": 9},
        reliability={},
    )
    ground.makers.session.add(row)
    ground.makers.done()
    used = (await policies.current(ground.pool, ground.info, fresh_for=FRESH)).model
    assert (used.version, used.line) == (4, None)
    desk.token, desk.district = desk.makers.token(ground.district, Role.OPERATOR), ground.district
    assert (await desk.get("redeem-model")).json()["is_prior"] is True


async def test_an_offers_reasons_are_those_of_the_model_that_chose_it(desk: Desk, ground: Ground) -> None:
    past_offers(ground, 1_400)
    await model_jobs.refit(ground.pool, ground.info, now=ground.clock.now())
    (offer_id,) = (await ground.rows("SELECT offer_id FROM exposure WHERE district_id = %(d)s LIMIT 1"))[0]
    sql = "UPDATE exposure SET model_version = 1 WHERE district_id = %(d)s RETURNING 1"
    await ground.rows(sql)
    desk.token, desk.district = desk.makers.token(ground.district, Role.OPERATOR), ground.district
    found = (await desk.get(f"offers/{offer_id}/reasons")).json()
    assert (found["kind"], found["chance"], found["is_prior"]) == ("percent:normal", 0.05, False)
    assert {one["feature"] for one in found["reasons"]} == set(FEATURES)
    assert found["reasons"][0]["feature"] == "near"
    await ground.rows(sql.replace("= 1 ", "= 0 "))
    by_prior = (await desk.get(f"offers/{offer_id}/reasons")).json()
    assert (by_prior["is_prior"], by_prior["reasons"]) == (True, [])


async def test_an_offer_that_was_claimed_or_never_made_has_no_reasons(desk: Desk, ground: Ground) -> None:
    claimed = ground.makers.offer(ground.campaign(), ground.member())
    desk.token, desk.district = desk.makers.token(ground.district, Role.OPERATOR), ground.district
    for offer_id in (claimed.id, ground.info.id):
        assert (await desk.get(f"offers/{offer_id}/reasons")).status_code == 404
