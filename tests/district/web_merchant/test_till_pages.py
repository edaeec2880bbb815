"""Redeeming at the counter, and the tills' keys."""

import re
import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import ApiKey
from district.clock import FixedClock
from district.offers.models import Offer
from district.redemptions.models import Redemption
from district.stores.models import Till
from push.coupon import CouponCode, code_from, grouped
from tests.conftest import refresh
from tests.district.web_merchant.conftest import Business, browser
from tests.factories import Makers


def offer_of(makers: Makers, business: Business, **values: object) -> Offer:
    code = code_from(uuid.uuid4().bytes)
    return makers.offer(business.campaign, makers.member(business.district), code=code, **values)


def use(business: Business, code: str, number: str = "number-0001") -> dict[str, str]:
    return {"code": code, "till": str(business.till.id), "request_no": number}


def outcome(answer: httpx.Response) -> str:
    found = re.search(r'data-outcome="(\w+)"', answer.text)
    return found[1] if found else ""


async def test_a_typed_code_is_redeemed_and_a_second_press_is_the_same(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, engine: Engine
) -> None:
    offer = offer_of(committed, business)
    typed = grouped(CouponCode(offer.code)).lower()
    first = await merchant.post("/merchant/redeem", data=use(business, typed))
    again = await merchant.post("/merchant/redeem", data=use(business, typed))
    assert (first.status_code, again.status_code) == (200, 200)
    assert (outcome(first), outcome(again)) == ("redeemed", "redeemed")
    with Session(engine) as session:
        rows = session.scalars(select(Redemption).where(Redemption.offer_id == offer.id)).all()
    assert [row.till for row in rows] == [f"till:{business.till.id}"]


async def test_a_used_code_names_the_first_time_and_till(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, clock: FixedClock
) -> None:
    offer = offer_of(committed, business)
    await merchant.post("/merchant/redeem", data=use(business, offer.code))
    clock.advance(timedelta(minutes=5))
    answer = await merchant.post("/merchant/redeem", data=use(business, offer.code, "number-0002"))
    assert answer.status_code == 409
    assert outcome(answer) == "used"
    assert "12:00 · Zio · 1" in answer.text


async def test_an_expired_an_unknown_and_a_rivals_code_are_told_apart(
    merchant: httpx.AsyncClient, business: Business, rival: Business, committed: Makers, clock: FixedClock
) -> None:
    expired, foreign = offer_of(committed, business), offer_of(committed, rival)
    clock.advance(timedelta(hours=3))
    foreign_answer = await merchant.post("/merchant/redeem", data=use(business, foreign.code))
    expired_answer = await merchant.post("/merchant/redeem", data=use(business, expired.code))
    unknown = await merchant.post("/merchant/redeem", data=use(business, code_from(b"x" * 16)))
    garbage = await merchant.post("/merchant/redeem", data=use(business, "<script>"))
    answers = [foreign_answer, expired_answer, unknown, garbage]
    assert [outcome(one) for one in answers] == ["other", "expired", "unknown", "unknown"]
    assert [one.status_code for one in answers] == [403, 410, 404, 404]
    assert "<script>" not in garbage.text.split('id="code"')[1][:200]


async def test_guessing_codes_locks_the_till(merchant: httpx.AsyncClient, business: Business) -> None:
    for number in range(21):
        answer = await merchant.post(
            "/merchant/redeem",
            data=use(business, code_from(number.to_bytes(16)), f"number-{number:04d}"),
        )
    assert answer.status_code == 429
    assert outcome(answer) == "locked"


async def test_nobody_redeems_at_a_rivals_till(
    merchant: httpx.AsyncClient, business: Business, rival: Business, committed: Makers, engine: Engine
) -> None:
    offer = offer_of(committed, rival)
    answer = await merchant.post("/merchant/redeem", data=use(rival, offer.code))
    assert outcome(answer) == ""
    with Session(engine) as session:
        assert session.get_one(Offer, (business.district.id, offer.id)).state == "issued"


async def test_a_use_is_undone_within_minutes_and_the_code_works_again(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, engine: Engine
) -> None:
    offer = offer_of(committed, business)
    done = await merchant.post("/merchant/redeem", data=use(business, offer.code))
    undo = re.search(r'action="(/merchant/redeem/[^"]+/undo)"', done.text)
    assert undo is not None
    back = await merchant.post(undo[1], data={"return_no": "return-0001"})
    again = await merchant.post("/merchant/redeem", data=use(business, offer.code, "number-0002"))
    assert (outcome(back), outcome(again)) == ("undone", "redeemed")


async def test_a_use_is_not_undone_here_after_a_quarter_of_an_hour_nor_by_a_rival(  # noqa: PLR0917 pytest calls by name
    app: FastAPI,
    merchant: httpx.AsyncClient,
    business: Business,
    rival: Business,
    committed: Makers,
    clock: FixedClock,
    engine: Engine,
) -> None:
    offer = offer_of(committed, business)
    await merchant.post("/merchant/redeem", data=use(business, offer.code))
    with Session(engine) as session:
        redemption = session.scalars(select(Redemption).where(Redemption.offer_id == offer.id)).one()
    address = f"/merchant/redeem/{redemption.id}/undo"
    async with browser(app, rival.token) as other:
        foreign = await other.post(address, data={"return_no": "return-0001"})
    clock.advance(timedelta(minutes=16))
    late = await merchant.post(address, data={"return_no": "return-0002"})
    assert (outcome(foreign), outcome(late)) == ("late", "late")
    with Session(engine) as session:
        assert session.get_one(Offer, (business.district.id, offer.id)).state == "redeemed"


async def test_going_back_and_typing_another_code_is_another_use(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    first, second = offer_of(committed, business), offer_of(committed, business)
    await merchant.post("/merchant/redeem", data=use(business, first.code))
    answer = await merchant.post("/merchant/redeem", data=use(business, second.code))
    assert outcome(answer) == "redeemed"


@pytest.mark.parametrize("number", ["", "short", "with blank in it", "x" * 100])
async def test_a_strange_request_number_is_refused(
    merchant: httpx.AsyncClient, business: Business, number: str
) -> None:
    answer = await merchant.post("/merchant/redeem", data=use(business, "A" * 26, number))
    assert answer.status_code == 422


async def test_a_till_is_added_and_its_key_shown_once(
    app: FastAPI, merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    added = await merchant.post(
        "/merchant/tills", data={"store_id": str(business.store.id), "name": "Terrace"}
    )
    with Session(engine) as session:
        till = session.scalars(select(Till).where(Till.name == "Terrace")).one()
    made = await merchant.post(f"/merchant/tills/{till.id}/keys")
    key = re.search(r'id="fresh-key">([^<]+)<', made.text)
    assert added.status_code == 303
    assert key is not None
    later = await merchant.get("/merchant/tills")
    assert key[1] not in later.text
    await refresh(app)
    async with browser(app) as program:
        program.headers["Authorization"] = f"Bearer {key[1]}"
        used = await program.post(
            f"/v1/districts/{business.district.slug}/redemptions",
            json={"code": code_from(b"y" * 16), "use_request_no": "1"},
        )
    assert used.status_code == 404
    assert used.json()["type"].endswith("unknown-code")


async def test_a_key_is_ended_by_its_merchant_only(
    app: FastAPI, merchant: httpx.AsyncClient, business: Business, rival: Business, engine: Engine
) -> None:
    await merchant.post(f"/merchant/tills/{business.till.id}/keys")
    with Session(engine) as session:
        key = session.scalars(select(ApiKey).where(ApiKey.scope_id == business.till.id)).one()
    async with browser(app, rival.token) as other:
        foreign = await other.post(f"/merchant/keys/{key.id}/revoke")
    own = await merchant.post(f"/merchant/keys/{key.id}/revoke")
    assert (foreign.status_code, own.status_code) == (404, 303)
    with Session(engine) as session:
        assert session.get_one(ApiKey, (business.district.id, key.id)).revoked_at is not None


async def test_a_rivals_till_gets_no_key_and_a_rivals_shop_no_till(
    merchant: httpx.AsyncClient, business: Business, rival: Business, engine: Engine
) -> None:
    key = await merchant.post(f"/merchant/tills/{rival.till.id}/keys")
    till = await merchant.post("/merchant/tills", data={"store_id": str(rival.store.id), "name": "Mine"})
    nameless = await merchant.post(
        "/merchant/tills", data={"store_id": str(business.store.id), "name": "\u200b "}
    )
    assert (key.status_code, till.status_code, nameless.status_code) == (404, 404, 422)
    with Session(engine) as session:
        assert session.scalars(select(Till).where(Till.name == "Mine")).all() == []
