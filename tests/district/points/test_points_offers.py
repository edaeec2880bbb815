"""Offers of points: credited once, when they are claimed or opened, at the cost of who bears the campaign."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.ledger.models import Account
from district.ledger.shares import NOBODY
from district.members.models import Member
from tests.district.points.conftest import Bank

WORDS = {"title": {"en": "{value} for you"}, "text": {"en": "From {store}"}}
POINTS: dict[str, Any] = {"kind": "points", "value": {"type": "points", "points": 40}, **WORDS}
RULE = {
    "v": 1,
    "trigger": {"any": [{"on": "wifi.join"}]},
    "holdout": {"pct": 0},
    "per_member": 1,
}


def campaign(bank: Bank, **values: Any) -> Campaign:
    claim = {"claim": {"mode": "open", "pushed": False}}
    made: dict[str, Any] = {"stock": 5, "rule": RULE, "offer": POINTS | claim} | values
    row = bank.makers.campaign(bank.district, bank.merchant, [bank.store], **made)
    bank.makers.done()
    return row


def issued(bank: Bank, member: Member, **values: Any) -> Any:
    row = bank.makers.offer(
        campaign(bank, offer=POINTS), member, kind="points", value=POINTS["value"], **values
    )
    bank.makers.done()
    return row


def state_of(bank: Bank, offer_id: Any) -> tuple[Any, ...]:
    bank.makers.session.rollback()
    statement = "SELECT state, redeemed_at, opened_at FROM offer WHERE district_id = :d AND id = :id"
    return tuple(bank.makers.session.execute(text(statement), {"d": bank.district.id, "id": offer_id}).one())


async def claim(bank: Bank, member: Member, id_: Any) -> Any:
    return await bank.client.post(f"/v1/me/offers/{id_}/claim", headers=bank.token(member))


async def test_claiming_credits_once_and_books_the_owners_share(bank: Bank) -> None:
    member, made = bank.makers.member(bank.district), campaign(bank)
    bank.makers.done()
    answer = await claim(bank, member, made.id)
    assert answer.status_code == 201, answer.text
    offer = answer.json()["offer"]
    assert (offer["kind"], offer["code"], offer["state"]) == ("points", None, "redeemed")
    assert offer["title"] == "40 points for you"
    assert (await bank.points_of(member))["balance"] == 40
    assert bank.entries() == {
        (Account.MERCHANT_SHARE, bank.merchant.id): -200,
        (Account.POINTS_LIABILITY, NOBODY): 200,
    }
    again = await claim(bank, member, made.id)
    assert again.status_code in {200, 409}
    assert (await bank.points_of(member))["balance"] == 40


async def test_who_funds_the_campaign_owes_the_points(bank: Bank) -> None:
    member, made = bank.makers.member(bank.district), campaign(bank)
    for kind, permille in (("merchant", 333), ("platform", 667)):
        bank.makers.session.execute(
            text(
                "INSERT INTO funding_share (district_id, id, campaign_id, party_kind, party_id, party_name, permille)"
                " VALUES (:d, gen_random_uuid(), :c, :kind, NULL, '', :permille)"
            ),
            {"d": bank.district.id, "c": made.id, "kind": kind, "permille": permille},
        )
    bank.makers.done()
    assert (await claim(bank, member, made.id)).status_code == 201
    assert bank.entries() == {
        (Account.MERCHANT_SHARE, bank.merchant.id): -67,
        (Account.PLATFORM_SUBSIDY, NOBODY): -133,
        (Account.POINTS_LIABILITY, NOBODY): 200,
    }


async def test_opening_what_was_pushed_credits_once_however_often_it_is_opened(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    offer = issued(bank, member)
    answers = await asyncio.gather(
        *(bank.client.get(f"/v1/me/offers/{offer.id}", headers=bank.token(member)) for _ in range(4))
    )
    assert {one.status_code for one in answers} == {200}
    shown = await bank.client.get(f"/v1/me/offers/{offer.id}", headers=bank.token(member))
    assert shown.json()["state"] == "redeemed"
    assert (await bank.points_of(member))["balance"] == 40
    assert bank.liability() == 200
    assert state_of(bank, offer.id)[0] == "redeemed"


async def test_what_is_over_brings_nothing(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    now = bank.clock.now()
    offer = issued(bank, member, valid_from=now - timedelta(hours=2), valid_until=now)
    shown = await bank.client.get(f"/v1/me/offers/{offer.id}", headers=bank.token(member))
    assert shown.json()["state"] == "expired"
    assert bank.liability() == 0


async def test_the_promise_is_kept_in_full_beside_a_days_limit(bank: Bank) -> None:
    bank.rule(most_per_day=5)
    member, made = bank.makers.member(bank.district), campaign(bank)
    bank.makers.done()
    await claim(bank, member, made.id)
    assert (await bank.points_of(member))["balance"] == 40


async def test_without_points_nothing_is_claimed_and_nothing_made(bank: Bank) -> None:
    member, made = bank.makers.member(bank.district), campaign(bank)
    bank.rule(is_on=False)
    answer = await claim(bank, member, made.id)
    assert answer.status_code in {409, 410}
    token = bank.makers.token(bank.district, Role.MERCHANT, scope_id=bank.merchant.id)
    body = {"name": "P", "store_ids": [str(bank.store.id)], "rule": RULE, "offer": POINTS, "stock": 5}
    refused = await bank.post("/campaigns", body, key=token)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/offer/kind"
    bank.rule(is_on=True)
    assert (await bank.post("/campaigns", body, key=token)).status_code == 201


async def test_a_till_takes_no_points_offer(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    offer = issued(bank, member)
    answer = await bank.post("/redemptions", {"code": offer.code, "use_request_no": "a-1", "bill_minor": 900})
    assert answer.status_code in {404, 409, 410}
    assert bank.liability() == 0


@pytest.mark.parametrize("points", [0, 100_001, 2.5, None])
async def test_how_many_points_is_bounded(bank: Bank, points: Any) -> None:
    token = bank.makers.token(bank.district, Role.MERCHANT, scope_id=bank.merchant.id)
    offer = POINTS | {"value": {"type": "points", "points": points}}
    body = {"name": "P", "store_ids": [str(bank.store.id)], "rule": RULE, "offer": offer, "stock": 5}
    answer = await bank.post("/campaigns", body, key=token)
    assert answer.status_code == 422
