"""The coupon's page: a code of now, the next one by itself or by a reload, and a short one for the till whose number is typed."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.auth.models import Role
from district.clock import FixedClock
from district.stores.models import Till
from tests.conftest import refresh
from tests.district.web_member.conftest import Shopping
from tests.factories import Makers

FORM = {"form_token": "t" * 24}


def path_of(shopping: Shopping, part: str = "") -> str:
    return f"{shopping.base}/offers/{shopping.offer.id}{part}"


def drawn(page: str) -> str:
    """The QR code."""
    found = re.search(r'<svg[^>]*class="segno".*?</svg>', page, re.S)
    assert found is not None
    return found[0]


@pytest.fixture
async def till_number(app: FastAPI, client: httpx.AsyncClient, shopping: Shopping, committed: Makers) -> str:
    """What a till of the shop shows."""
    till = Till(
        district_id=shopping.district.id,
        store_id=shopping.store.id,
        name="1",
        created_at=committed.clock.now(),
    )
    committed.session.add(till)
    committed.done()
    key = committed.key(
        shopping.district, Role.TILL, scope_id=till.id, merchant_id=shopping.store.merchant_id
    )
    await refresh(app)
    answer = await client.post(
        f"/v1/districts/{shopping.district.slug}/tills/number",
        json={},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["number"])


async def test_the_part_that_the_page_fetches_is_the_next_code(
    shopper: httpx.AsyncClient, shopping: Shopping, clock: FixedClock
) -> None:
    first = await shopper.get(path_of(shopping))
    clock.advance(timedelta(seconds=30))
    part = await shopper.get(path_of(shopping, "/code"))
    assert part.status_code == 200
    assert part.headers["cache-control"] == "no-store"
    assert "<html" not in part.text
    left = re.search(r'data-left="(\d+)"', part.text)
    assert left is not None
    assert 0 < int(left[1]) <= 30_000
    assert drawn(part.text) != drawn(first.text)


async def test_without_a_script_the_page_comes_again_when_the_code_is_over(
    shopper: httpx.AsyncClient, shopping: Shopping
) -> None:
    answer = await shopper.get(path_of(shopping))
    again = re.search(r'<noscript><meta http-equiv="refresh" content="(\d+);url=([^"]+)"', answer.text)
    assert again is not None
    assert 1 <= int(again[1]) <= 30
    assert again[2] == path_of(shopping)


async def test_a_used_coupon_has_no_code_any_more(
    shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers
) -> None:
    committed.session.execute(
        text("UPDATE offer SET state = 'redeemed', redeemed_at = issued_at WHERE id = :id"),
        {"id": shopping.offer.id},
    )
    committed.done()
    part = await shopper.get(path_of(shopping, "/code"))
    page = await shopper.get(path_of(shopping))
    assert (part.status_code, part.text) == (204, "")
    assert 'class="segno"' not in page.text
    assert 'name="till_number"' not in page.text


async def test_nobody_gets_a_code_without_a_session(client: httpx.AsyncClient, shopping: Shopping) -> None:
    assert (await client.get(path_of(shopping, "/code"))).status_code == 401


async def test_the_tills_number_brings_a_short_code(
    shopper: httpx.AsyncClient, shopping: Shopping, till_number: str
) -> None:
    answer = await shopper.post(path_of(shopping, "/unlock"), data=FORM | {"till_number": till_number})
    assert answer.status_code == 200
    assert re.search(r'class="code typed"[^>]*>[0-9A-Z]{4} [0-9A-Z]{4}<', answer.text)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_held_coupon_says_so_and_can_be_freed(
    shopper: httpx.AsyncClient, shopping: Shopping, till_number: str
) -> None:
    await shopper.post(path_of(shopping, "/unlock"), data=FORM | {"till_number": till_number})
    held = await shopper.get(path_of(shopping))
    freed = await shopper.post(path_of(shopping, "/lock"), data=FORM)
    after = await shopper.get(path_of(shopping))
    assert "A till holds this coupon just now." in held.text
    assert freed.status_code == 303
    assert "A till holds this coupon just now." not in after.text


@pytest.mark.parametrize(
    ("lang", "sentence"), [("en", "No till of this offer shows this number"), ("zh", "没有显示这个数字")]
)
async def test_a_wrong_number_is_said_at_its_field(
    shopper: httpx.AsyncClient, shopping: Shopping, lang: str, sentence: str
) -> None:
    answer = await shopper.post(
        path_of(shopping, f"/unlock?lang={lang}"), data=FORM | {"till_number": "00<b>"}
    )
    assert answer.status_code == 404
    assert sentence in answer.text
    assert 'value="00&lt;b&gt;"' in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_many_wrong_numbers_lock_the_field(shopper: httpx.AsyncClient, shopping: Shopping) -> None:
    codes = [
        (await shopper.post(path_of(shopping, "/unlock"), data=FORM | {"till_number": "000000"})).status_code
        for _ in range(6)
    ]
    assert codes == [404] * 5 + [429]


async def test_another_members_coupon_is_gone(
    app: FastAPI, shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers
) -> None:
    campaign = committed.campaign(shopping.district, committed.merchant(shopping.district), [shopping.store])
    foreign = committed.offer(campaign, committed.member(shopping.district))
    path = f"{shopping.base}/offers/{foreign.id}"
    assert (await shopper.get(f"{path}/code")).status_code == 204
    assert (await shopper.post(f"{path}/unlock", data=FORM | {"till_number": "123456"})).status_code == 404
    assert (await shopper.post(f"{path}/lock", data=FORM)).status_code == 404
