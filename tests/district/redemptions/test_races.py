"""Many tills and many repeats at once."""

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator

import pytest

from district.auth.models import Role
from district.auth.service import Principal
from district.clock import FixedClock
from district.database import Pool, make_pool
from district.redemptions import service
from district.redemptions.refusals import AlreadyRedeemed, AlreadyReversed, RequestNumberReused
from district.redemptions.schemas import Return, Use
from tests.district.redemptions.conftest import Counter


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Thirty-two connections of their own."""
    pool = make_pool(database_url, size=32)
    await pool.open(wait=True)
    yield pool
    await pool.close()


def principal(counter: Counter) -> Principal:
    return Principal(
        role=Role.TILL,
        district_id=counter.district.id,
        district_slug=counter.district.slug,
        subject_id=counter.till.id,
        scope_id=counter.till.id,
        merchant_id=counter.merchant.id,
    )


async def outcome(counter: Counter, pool: Pool, clock: FixedClock, code: str, number: str) -> str:
    use = Use(code=code, use_request_no=number)
    try:
        used = await service.redeem(pool, principal(counter), use, clock=clock)
    except (AlreadyRedeemed, RequestNumberReused) as refused:
        return refused.slug
    return str(used.redemption_id)


async def test_sixty_four_tills_redeem_one_coupon_once(
    counter: Counter, pool: Pool, clock: FixedClock
) -> None:
    offer = counter.offer()
    done = await asyncio.gather(*(outcome(counter, pool, clock, offer.code, str(n)) for n in range(64)))
    tally = Tally(done)
    assert tally.pop("already-redeemed") == 63
    assert list(tally.values()) == [1]


async def test_sixty_four_repeats_of_one_request_get_one_answer(
    counter: Counter, pool: Pool, clock: FixedClock
) -> None:
    offer = counter.offer()
    done = await asyncio.gather(*(outcome(counter, pool, clock, offer.code, "same") for _ in range(64)))
    assert len(set(done)) == 1
    assert done[0] not in {"already-redeemed", "request-number-reused"}


async def test_one_number_for_many_coupons_redeems_one_of_them(
    counter: Counter, pool: Pool, clock: FixedClock
) -> None:
    codes = [counter.offer().code for _ in range(32)]
    done = await asyncio.gather(*(outcome(counter, pool, clock, code, "same") for code in codes))
    tally = Tally(done)
    assert tally.pop("request-number-reused") == 31
    assert list(tally.values()) == [1]
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT count(*) FROM offer WHERE district_id = %s AND state = 'redeemed'",
                (counter.district.id,),
            )
        ).fetchone()
    assert row == (1,)


async def test_many_reversals_take_a_redemption_back_once(
    counter: Counter, pool: Pool, clock: FixedClock
) -> None:
    offer = counter.offer()
    used = await service.redeem(
        pool, principal(counter), Use(code=offer.code, use_request_no="1"), clock=clock
    )

    async def back(number: str) -> str:
        try:
            request = Return(return_request_no=number)
            return str(
                (
                    await service.reverse(pool, principal(counter), used.redemption_id, request, clock=clock)
                ).reversal_id
            )
        except AlreadyReversed as refused:
            return refused.slug

    tally = Tally(await asyncio.gather(*(back(str(number)) for number in range(32))))
    assert tally.pop("already-reversed") == 31
    assert list(tally.values()) == [1]
