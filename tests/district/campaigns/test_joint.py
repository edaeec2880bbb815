"""Joint events: who pays, who enrols until when, and coupons that many merchants take."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from district.auth.models import Role
from district.campaigns import jobs
from district.campaigns.models import Campaign
from district.campaigns.shared_models import FundingShare
from district.clock import FixedClock
from district.database import make_pool, new_id
from district.stores.models import Store
from tests.conftest import refresh
from tests.district.campaigns.conftest import Shop
from tests.district.campaigns.test_owners import mall
from tests.district.campaigns.test_territory import INTO

HOUR = timedelta(hours=1)


def event(shop: Shop, **values: Any) -> dict[str, Any]:
    now = shop.makers.clock.now()
    plain = shop.body(**values)
    given = {name: plain[name] for name in ("rule", "offer", "stock")}
    return {
        "name": "Night of shops",
        "enrol_until": (now + HOUR).isoformat(),
        "starts_at": (now + 2 * HOUR).isoformat(),
        "ends_at": (now + 9 * HOUR).isoformat(),
        "funding": [
            {"party_kind": "merchant", "permille": 500},
            {"party_kind": "platform", "permille": 300},
            {"party_kind": "sponsor", "name": "Bank", "permille": 200},
        ],
        **given,
    }


async def call(shop: Shop, method: str, path: str = "", body: Any = None, *, token: str) -> httpx.Response:
    address = f"/v1/districts/{shop.district.slug}/joint-events{path}"
    return await shop.client.request(method, address, json=body, headers={"Authorization": f"Bearer {token}"})


async def opened(shop: Shop, **changes: Any) -> dict[str, Any]:
    answer = await call(shop, "POST", body=event(shop) | changes, token=shop.operator)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def enrolled(shop: Shop, found: dict[str, Any], store: Store, token: str) -> httpx.Response:
    body = {"store_ids": [str(store.id)]}
    return await call(shop, "POST", f"/{found['id']}/enrolments", body, token=token)


async def advance(shop: Shop, database_url: str, clock: FixedClock, after: timedelta) -> None:
    pool = make_pool(database_url, size=1)
    await pool.open()
    await jobs.advance(pool, shop.district.id, now=clock.now() + after)
    await pool.close()


def neighbour(shop: Shop) -> tuple[Store, str]:
    merchant = shop.makers.merchant(shop.district, name="Kauppa")
    store = shop.makers.store(shop.district, merchant_id=merchant.id)
    return store, shop.makers.token(shop.district, Role.MERCHANT, scope_id=merchant.id)


async def test_an_event_is_approved_while_stores_enrol_then_scheduled_then_live(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    found = await opened(shop)
    other, token = neighbour(shop)
    assert (found["state"], found["is_open"], found["stores"]) == ("approved", True, 0)
    assert (await enrolled(shop, found, shop.store, shop.token)).json()["store_ids"] == [str(shop.store.id)]
    seen = (await enrolled(shop, found, other, token)).json()
    assert (seen["stores"], seen["merchants"], seen["store_ids"]) == (2, 2, [str(other.id)])
    states = []
    for after in (0.9 * HOUR, HOUR, 2 * HOUR, 9 * HOUR):
        await advance(shop, database_url, clock, after)
        states.append((await call(shop, "GET", f"/{found['id']}", token=shop.token)).json()["state"])
    assert states == ["approved", "scheduled", "live", "ended"]


async def test_shares_are_stored_as_they_were_agreed(shop: Shop) -> None:
    found = await opened(shop)
    rows = shop.makers.session.scalars(
        select(FundingShare).where(FundingShare.district_id == shop.district.id).order_by(FundingShare.id)
    ).all()
    assert [(row.party_kind, row.permille) for row in rows] == [
        ("merchant", 500),
        ("platform", 300),
        ("sponsor", 200),
    ]
    assert [row.party_id is not None for row in rows] == [False, False, True]
    assert [(one["party_kind"], one["name"]) for one in found["funding"]][-1] == ("sponsor", "Bank")


@pytest.mark.parametrize(
    "funding",
    [
        [{"party_kind": "platform", "permille": 999}],
        [{"party_kind": "platform", "permille": 600}, {"party_kind": "merchant", "permille": 600}],
        [{"party_kind": "platform", "permille": 500}, {"party_kind": "platform", "permille": 500}],
        [{"party_kind": "sponsor", "permille": 1000}],
        [{"party_kind": "merchant", "party_id": str(new_id()), "permille": 1000}],
        [{"party_kind": "property", "party_id": str(new_id()), "permille": 1000}],
        [],
    ],
)
async def test_shares_that_are_not_the_whole_or_name_nobody_are_refused(
    shop: Shop, funding: list[dict[str, Any]]
) -> None:
    answer = await call(shop, "POST", body=event(shop) | {"funding": funding}, token=shop.operator)
    assert answer.status_code == 422
    assert "/funding" in answer.json()["errors"][0]["pointer"]


@pytest.mark.parametrize(("name", "hours"), [("enrol_until", -1), ("enrol_until", 3), ("ends_at", 1)])
async def test_dates_that_do_not_follow_each_other_are_refused(shop: Shop, name: str, hours: int) -> None:
    at = (shop.makers.clock.now() + hours * HOUR).isoformat()
    answer = await call(shop, "POST", body=event(shop) | {name: at}, token=shop.operator)
    assert answer.status_code == 422


async def test_stores_come_and_go_until_the_date_and_not_after(shop: Shop, clock: FixedClock) -> None:
    found = await opened(shop)
    await enrolled(shop, found, shop.store, shop.token)
    path = f"/{found['id']}/enrolments/{shop.store.id}"
    _, stranger = neighbour(shop)
    assert (await call(shop, "DELETE", path, token=stranger)).status_code == 404
    assert (await call(shop, "DELETE", path, token=shop.token)).json()["stores"] == 0
    await enrolled(shop, found, shop.store, shop.token)
    clock.advance(HOUR)
    late = await call(shop, "DELETE", path, token=shop.token)
    other, token = neighbour(shop)
    too_late = await enrolled(shop, found, other, token)
    assert (late.status_code, too_late.status_code) == (409, 409)
    assert too_late.json()["type"] == "urn:shangquan:problem:enrolment-over"


async def test_a_merchant_enrols_open_stores_of_its_own_and_of_the_trade_alone(shop: Shop) -> None:
    found = await opened(shop, categories=["cafe"])
    foreign, _ = neighbour(shop)
    cafe = shop.makers.store(shop.district, merchant_id=shop.merchant.id, category="cafe")
    answers = [await enrolled(shop, found, one, shop.token) for one in (shop.store, foreign, cafe)]
    assert [one.status_code for one in answers] == [422, 422, 200]
    operators = await enrolled(shop, found, foreign, shop.operator)
    assert operators.status_code == 422  # clothes


async def test_the_same_store_enrolled_many_times_at_once_is_enrolled_once(shop: Shop) -> None:
    found = await opened(shop)
    answers = await asyncio.gather(*(enrolled(shop, found, shop.store, shop.token) for _ in range(6)))
    assert {one.status_code for one in answers} == {200}
    assert (await call(shop, "GET", f"/{found['id']}", token=shop.operator)).json()["stores"] == 1


async def test_an_event_that_nobody_entered_is_called_off(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    found = await opened(shop)
    await advance(shop, database_url, clock, 2 * HOUR)
    assert (await call(shop, "GET", f"/{found['id']}", token=shop.token)).json()["state"] == "cancelled"


async def test_only_the_operator_opens_one(shop: Shop) -> None:
    assert (await call(shop, "POST", body=event(shop), token=shop.token)).status_code == 403
    assert (await call(shop, "GET", token=shop.makers.token(shop.district, Role.SHOPPER))).status_code == 403


async def test_a_property_that_pays_by_name_has_agreed_to_the_ground(shop: Shop) -> None:
    place = mall(shop)
    rule = shop.body(within=INTO)["rule"]
    refused = await call(shop, "POST", body=event(shop) | {"rule": rule}, token=shop.operator)
    assert refused.json()["type"] == "urn:shangquan:problem:territory-consent-needed"
    funding = [
        {"party_kind": "property", "party_id": str(place.id), "permille": 400},
        {"party_kind": "merchant", "permille": 600},
    ]
    assert (await opened(shop, rule=rule, funding=funding))["state"] == "approved"


async def test_a_district_coupon_is_taken_at_the_tills_of_every_merchant_that_enrolled(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    found = await opened(shop)
    other, token = neighbour(shop)
    outside, _ = neighbour(shop)
    await enrolled(shop, found, shop.store, shop.token)
    await enrolled(shop, found, other, token)
    await advance(shop, database_url, clock, 2 * HOUR)
    campaign = campaign_of(shop, found)
    keys = {
        store: shop.makers.key(shop.district, Role.TILL, scope_id=store.id)
        for store in (shop.store, other, outside)
    }
    await refresh(shop.client._transport.app)  # type: ignore[attr-defined]
    answers = []
    for number, (_, key) in enumerate(keys.items()):
        offer = shop.makers.offer(campaign, shop.makers.member(shop.district))
        answer = await shop.client.post(
            f"/v1/districts/{shop.district.slug}/redemptions",
            json={"code": offer.code, "use_request_no": str(number)},
            headers={"Authorization": f"Bearer {key}"},
        )
        answers.append(answer.status_code)
    assert answers == [200, 200, 403]


def campaign_of(shop: Shop, found: dict[str, Any]) -> Any:

    shop.makers.session.expire_all()
    return shop.makers.session.get_one(Campaign, (shop.district.id, found["id"]))


async def test_a_change_of_an_event_leaves_its_stores_as_they_enrolled(shop: Shop) -> None:
    found = await opened(shop)
    await enrolled(shop, found, shop.store, shop.token)
    rule = shop.body(rule={"ttl_s": 600})["rule"]
    changed = await shop.patch(
        f"/{found['id']}", {"version": found["version"], "rule": rule}, token=shop.operator
    )
    assert changed.status_code == 200, changed.text
    other, token = neighbour(shop)
    await enrolled(shop, found, other, token)
    approved = await shop.post(f"/{found['id']}/approve", token=shop.operator)
    assert approved.status_code == 200, approved.text
    assert (len(approved.json()["store_ids"]), approved.json()["rule"]["ttl_s"]) == (2, 600)
