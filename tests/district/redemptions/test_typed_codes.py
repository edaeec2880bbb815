"""Typing instead of scanning: a till's number unlocks a short code for that till alone, which holds the coupon meanwhile."""

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.database import Pool, make_pool
from district.redemptions import holding
from district.stores.models import Till
from push.typed_code import new_code
from tests.conftest import refresh
from tests.district.redemptions.conftest import Counter, Page, page_of, problem


@pytest.fixture
async def page(counter: Counter) -> Page:
    return await page_of(counter)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=16)
    await pool.open(wait=True)
    yield pool
    await pool.close()


async def second_till(counter: Counter) -> str:
    """The key of another till of the same store."""
    till = Till(
        district_id=counter.district.id,
        store_id=counter.store.id,
        name="2",
        created_at=counter.makers.clock.now(),
    )
    counter.makers.session.add(till)
    counter.makers.done()
    return await counter.other_key(scope_id=till.id, merchant_id=counter.merchant.id)


async def number_of(counter: Counter, key: str | None = None) -> dict[str, Any]:
    answer = await counter.client.post(
        f"/v1/districts/{counter.district.slug}/tills/number",
        json={},
        headers={"Authorization": f"Bearer {key or counter.key}"},
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def unlock(page: Page, number: str) -> httpx.Response:
    return await page.counter.client.post(
        f"/v1/me/offers/{page.offer.id}/unlock", json={"till_number": number}, headers=page.headers
    )


async def typed(page: Page, key: str | None = None) -> str:
    answer = await unlock(page, (await number_of(page.counter, key))["number"])
    assert answer.status_code == 200, answer.text
    return str(answer.json()["typed_code"])


async def test_the_unlocked_code_is_redeemed_at_its_till(page: Page) -> None:
    answer = await page.counter.use((await typed(page)).lower())
    assert answer.status_code == 200
    assert answer.json()["offer_id"] == str(page.offer.id)


async def test_it_is_used_once_and_a_repeat_gets_the_stored_answer(page: Page) -> None:
    code = await typed(page)
    first, again = await page.counter.use(code, "1"), await page.counter.use(code, "1")
    other = await page.counter.use(code, "2")
    assert (again.status_code, again.json()) == (200, first.json())
    assert problem(other) == (404, "unknown-code")


async def test_at_another_till_it_is_refused_and_still_good_at_its_own(page: Page) -> None:
    code = await typed(page)
    elsewhere = await page.counter.use(code, "1", key=await second_till(page.counter))
    assert problem(elsewhere) == (409, "held-elsewhere")
    assert (await page.counter.use(code, "2")).status_code == 200


async def test_a_held_coupon_is_refused_elsewhere_by_any_code(page: Page) -> None:
    await typed(page)
    other = await second_till(page.counter)
    assert problem(await page.counter.use(await page.code(), "1", key=other)) == (409, "held-elsewhere")
    assert problem(await page.counter.use(page.offer.code, "2", key=other)) == (409, "held-elsewhere")
    assert (await page.counter.use(await page.code(), "3")).status_code == 200


async def test_the_member_frees_it_by_hand(page: Page) -> None:
    code = await typed(page)
    freed = await page.counter.client.delete(f"/v1/me/offers/{page.offer.id}/unlock", headers=page.headers)
    assert freed.status_code == 204
    assert problem(await page.counter.use(code, "1")) == (404, "unknown-code")
    assert (
        await page.counter.use(await page.code(), "2", key=await second_till(page.counter))
    ).status_code == 200


async def test_the_member_moves_to_another_till(page: Page) -> None:
    before = await typed(page)
    other = await second_till(page.counter)
    after = await typed(page, other)
    assert problem(await page.counter.use(before, "1")) == (404, "unknown-code")
    assert (await page.counter.use(after, "2", key=other)).status_code == 200


async def test_after_two_minutes_the_code_is_unknown_and_the_coupon_free(
    page: Page, clock: FixedClock
) -> None:
    code = await typed(page)
    other = await second_till(page.counter)
    clock.advance(holding.HELD_FOR)
    assert problem(await page.counter.use(code, "1")) == (404, "unknown-code")
    assert (await page.counter.use(page.offer.code, "2", key=other)).status_code == 200


async def test_what_is_taken_back_can_be_unlocked_anew(page: Page) -> None:
    used = await page.counter.use(await typed(page), "1")
    back = await page.counter.post(f"/{used.json()['redemption_id']}/reversal", {"return_request_no": "r1"})
    assert back.status_code == 200
    assert (await page.counter.use(await typed(page), "2")).status_code == 200


async def test_a_number_is_shown_for_two_minutes_and_taken_for_one_more(
    page: Page, clock: FixedClock
) -> None:
    first = await number_of(page.counter)
    clock.advance(timedelta(seconds=119))
    assert (await number_of(page.counter))["number"] == first["number"]
    clock.advance(timedelta(seconds=2))
    second = await number_of(page.counter)
    assert second["shown_until"] > first["shown_until"]
    assert (await unlock(page, first["number"])).status_code == 200
    clock.advance(datetime.fromisoformat(first["valid_until"]) - clock.machine_now())
    assert problem(await unlock(page, first["number"])) == (404, "unknown-till-number")


async def test_a_number_of_a_till_where_the_offer_is_not_used_is_unknown(page: Page) -> None:
    counter = page.counter
    merchant = counter.makers.merchant(counter.district)
    store = counter.makers.store(counter.district, merchant_id=merchant.id)
    key = await counter.other_key(scope_id=store.id, merchant_id=merchant.id)
    foreign = (await number_of(counter, key))["number"]
    assert problem(await unlock(page, foreign)) == (404, "unknown-till-number")


@pytest.mark.parametrize("number", ["", "12", "abcdef", "x" * 33], ids=["empty", "short", "letters", "long"])
async def test_what_is_no_number_is_refused(page: Page, number: str) -> None:
    assert (await unlock(page, number)).status_code in {404, 422}


async def test_another_members_coupon_is_not_found(page: Page, counter: Counter) -> None:
    stranger = await page_of(counter)
    number = (await number_of(counter))["number"]
    answer = await counter.client.post(
        f"/v1/me/offers/{page.offer.id}/unlock", json={"till_number": number}, headers=stranger.headers
    )
    assert problem(answer) == (404, "not-found")


async def test_a_used_coupon_is_not_unlocked(page: Page) -> None:
    await page.counter.use(page.offer.code)
    number = (await number_of(page.counter))["number"]
    assert problem(await unlock(page, number)) == (409, "cannot-unlock")


async def test_of_many_wrong_numbers_at_once_five_are_looked_up(page: Page, clock: FixedClock) -> None:
    right = (await number_of(page.counter))["number"]
    wrong = [f"{(int(right) + place) % 10**6:06}" for place in range(1, 41)]
    tally = Tally(problem(one) for one in await asyncio.gather(*(unlock(page, one) for one in wrong)))
    assert tally == {(404, "unknown-till-number"): 5, (429, "coupon-locked"): 35}
    assert problem(await unlock(page, right)) == (429, "coupon-locked")
    clock.advance(timedelta(minutes=10))
    right = (await number_of(page.counter))["number"]
    assert (await unlock(page, right)).status_code == 200


async def test_of_many_wrong_typed_codes_at_once_twenty_are_looked_up(page: Page) -> None:
    good = await typed(page)
    guesses = [new_code() for _ in range(50)]
    answers = await asyncio.gather(
        *(page.counter.use(guess, f"g{place}") for place, guess in enumerate(guesses))
    )
    tally = Tally(problem(one) for one in answers)
    assert tally == {(404, "unknown-code"): 20, (429, "too-many-requests"): 30}
    assert problem(await page.counter.use(good, "good")) == (429, "too-many-requests")


async def test_right_codes_are_not_counted(counter: Counter) -> None:
    for number in range(25):
        page = await page_of(counter)
        assert (await counter.use(await typed(page), str(number))).status_code == 200


async def test_two_tills_that_take_one_typed_and_one_shown_code_at_once_use_it_once(page: Page) -> None:
    code, other = await typed(page), await second_till(page.counter)
    answers = await asyncio.gather(
        *(page.counter.use(code, f"a{number}") for number in range(8)),
        *(page.counter.use(page.offer.code, f"b{number}", key=other) for number in range(8)),
    )
    assert Tally(one.status_code for one in answers)[200] == 1


async def test_the_sweep_forgets_what_is_over_and_nothing_else(
    page: Page, pool: Pool, clock: FixedClock
) -> None:
    code = await typed(page)
    district = page.counter.district.id
    assert await holding.sweep(pool, district, machine_now=clock.machine_now()) == 0
    assert (await page.counter.use(code)).status_code == 200
    other = await page_of(page.counter)
    await typed(other)
    clock.advance(timedelta(minutes=3))
    assert await holding.sweep(pool, district, machine_now=clock.machine_now()) == 1
    async with pool.connection() as connection:
        left = await (
            await connection.execute("SELECT count(*) FROM till_number WHERE district_id = %s", (district,))
        ).fetchone()
    assert left == (0,)


async def test_a_rotating_offer_refuses_its_lasting_code_and_takes_the_others(counter: Counter) -> None:
    row = counter.makers.session.get(Campaign, (counter.district.id, counter.campaign.id))
    assert row is not None
    row.offer = row.offer | {"code": "rotating"}
    counter.makers.done()
    scanned, unlocked = await page_of(counter), await page_of(counter)
    assert (await scanned.look())["code"] is None
    assert problem(await counter.use(scanned.offer.code, "1")) == (409, "code-rotates")
    assert (await counter.use(await scanned.code(), "2")).status_code == 200
    assert (await counter.use(await typed(unlocked), "3")).status_code == 200


async def test_a_till_of_all_stores_names_the_one_it_stands_in(counter: Counter) -> None:
    key = counter.makers.key(counter.district, Role.TILL, merchant_id=counter.merchant.id)
    await refresh(counter.app)
    path = f"/v1/districts/{counter.district.slug}/tills/number"
    headers = {"Authorization": f"Bearer {key}"}
    unnamed = await counter.client.post(path, json={}, headers=headers)
    named = await counter.client.post(path, json={"store_id": str(counter.store.id)}, headers=headers)
    assert problem(unnamed) == (403, "other-store")
    assert named.status_code == 200
