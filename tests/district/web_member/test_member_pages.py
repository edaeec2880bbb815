"""Members' own pages: what arrived, the wallet, one coupon."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.deliveries.models import InboxItem
from district.offers.models import Offer
from push.coupon import CouponCode, grouped
from tests.district.web_member.conftest import Shopping, browser
from tests.factories import Makers

PATHS = ("inbox", "wallet", "privacy", "offers/{offer}")


@pytest.mark.parametrize("path", PATHS)
async def test_who_is_not_logged_in_is_told_how_to_join(app: FastAPI, shopping: Shopping, path: str) -> None:
    async with browser(app) as stranger:
        answer = await stranger.get(f"{shopping.base}/{path.format(offer=shopping.offer.id)}")
    assert answer.status_code == 401
    assert f"{shopping.base}/sign-in?next=" in answer.text
    assert shopping.offer.code not in answer.text


@pytest.mark.parametrize("path", PATHS)
async def test_a_member_of_another_district_is_nobody_here(
    app: FastAPI, shopping: Shopping, committed: Makers, path: str
) -> None:
    other = committed.district()
    token = committed.token(other, Role.SHOPPER, subject_id=committed.member(other).id)
    async with browser(app, token) as foreigner:
        answer = await foreigner.get(f"{shopping.base}/{path.format(offer=shopping.offer.id)}")
    assert answer.status_code == 401


async def test_a_merchant_is_no_member(app: FastAPI, shopping: Shopping, committed: Makers) -> None:
    token = committed.token(shopping.district, Role.MERCHANT)
    async with browser(app, token) as merchant:
        answer = await merchant.get(f"{shopping.base}/inbox")
    assert answer.status_code == 401


async def test_inbox_says_what_came_from_whom_and_why(shopper: httpx.AsyncClient, shopping: Shopping) -> None:
    answer = await shopper.get(f"{shopping.base}/inbox")
    assert answer.status_code == 200
    assert "20 % off" in answer.text
    assert "You entered the area of Zio." in answer.text
    assert f"{shopping.base}/offers/{shopping.offer.id}" in answer.text
    assert "/v1/me/inbox/stream?after=" in answer.text


async def test_inbox_speaks_chinese(shopper: httpx.AsyncClient, shopping: Shopping) -> None:
    answer = await shopper.get(f"{shopping.base}/inbox?lang=zh")
    assert "八折" in answer.text
    assert "您进入了 Zio 附近。" in answer.text


async def test_an_empty_inbox_leads_to_shops_with_offers(
    app: FastAPI, shopping: Shopping, committed: Makers
) -> None:
    newcomer = committed.member(shopping.district)
    token = committed.token(shopping.district, Role.SHOPPER, subject_id=newcomer.id)
    async with browser(app, token) as client:
        answer = await client.get(f"{shopping.base}/inbox")
    assert f"{shopping.base}/nearest?has_offer=1" in answer.text
    assert "20 % off" not in answer.text


async def test_a_coupon_shows_the_code_of_now_and_its_end(
    shopper: httpx.AsyncClient, shopping: Shopping
) -> None:
    answer = await shopper.get(f"{shopping.base}/offers/{shopping.offer.id}")
    assert answer.status_code == 200
    assert 'class="segno"' in answer.text
    assert shopping.offer.code not in answer.text
    assert grouped(CouponCode(shopping.offer.code)) not in answer.text
    assert "14:00" in answer.text
    assert "You entered the area of Zio." in answer.text
    assert "Aleksanterinkatu 9" in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_looking_at_an_offer_opens_it_and_reads_its_message(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    await shopper.get(f"{shopping.base}/offers/{shopping.offer.id}")
    with Session(engine) as session:
        offer = session.get_one(Offer, (shopping.district.id, shopping.offer.id))
        item = session.scalars(select(InboxItem).where(InboxItem.offer_id == shopping.offer.id)).one()
    assert offer.state == "opened"
    assert offer.opened_at is not None
    assert item.read_at is not None


async def test_another_members_coupon_is_not_found(
    shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers
) -> None:
    merchant = committed.merchant(shopping.district)
    campaign = committed.campaign(shopping.district, merchant, [shopping.store])
    foreign = committed.offer(campaign, committed.member(shopping.district))
    answer = await shopper.get(f"{shopping.base}/offers/{foreign.id}")
    unknown = await shopper.get(f"{shopping.base}/offers/{new_id()}")
    assert (answer.status_code, unknown.status_code) == (404, 404)
    assert foreign.code not in answer.text


async def test_an_expired_coupon_shows_no_code(
    shopper: httpx.AsyncClient, shopping: Shopping, clock: FixedClock
) -> None:
    clock.advance(timedelta(hours=3))
    answer = await shopper.get(f"{shopping.base}/offers/{shopping.offer.id}")
    assert answer.status_code == 200
    assert 'class="segno"' not in answer.text
    assert "It was valid until" in answer.text


async def test_a_used_coupon_says_when_and_shows_no_code(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine, clock: FixedClock
) -> None:
    with Session(engine) as session, session.begin():
        offer = session.get_one(Offer, (shopping.district.id, shopping.offer.id))
        offer.state, offer.redeemed_at = "redeemed", clock.now()
    answer = await shopper.get(f"{shopping.base}/offers/{shopping.offer.id}")
    wallet = await shopper.get(f"{shopping.base}/wallet")
    assert "Used 1 May 2026 12:00" in answer.text
    assert 'class="segno"' not in answer.text
    assert "Used and expired" in wallet.text


async def test_wallet_lists_what_can_be_used(shopper: httpx.AsyncClient, shopping: Shopping) -> None:
    answer = await shopper.get(f"{shopping.base}/wallet")
    assert answer.status_code == 200
    assert "1 to use" in answer.text
    assert f"{shopping.base}/offers/{shopping.offer.id}" in answer.text


@pytest.mark.parametrize("query", ["before=-1", "before=x"])
async def test_a_strange_page_of_the_inbox_is_refused(
    shopper: httpx.AsyncClient, shopping: Shopping, query: str
) -> None:
    answer = await shopper.get(f"{shopping.base}/inbox?{query}")
    assert answer.status_code == 422


async def test_own_page_is_the_inbox_of_the_own_district(
    app: FastAPI, shopper: httpx.AsyncClient, shopping: Shopping
) -> None:
    own = await shopper.get("/me")
    async with browser(app) as stranger:
        nobody = await stranger.get("/me")
    assert own.headers["location"] == f"{shopping.base}/inbox"
    assert nobody.headers["location"] == "/"


async def test_only_messages_that_are_still_good_are_counted_as_unread(
    shopper: httpx.AsyncClient, shopping: Shopping, clock: FixedClock
) -> None:
    fresh = await shopper.get(f"{shopping.base}/inbox")
    clock.advance(timedelta(hours=3))
    old = await shopper.get(f"{shopping.base}/inbox")
    assert "<em>1</em>" in fresh.text
    assert "<em>" not in old.text
