"""Typing instead of scanning: the member names the till he stands at, and gets a short code for that till alone."""

import uuid
from typing import Any

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, transaction
from district.problems import NotFound
from district.redemptions import guesses, hold_queries, holding
from district.redemptions.presenting import typed_hash
from district.redemptions.refusals import CannotUnlock, NumberUnknown
from district.redemptions.schemas import Unlocked
from push.typed_code import NumberMalformed, grouped, new_code, number_of


async def unlock(
    pool: Pool, principal: Principal, offer_id: uuid.UUID, typed_number: str, *, clock: Clock
) -> Unlocked:
    """A typed code of the member's coupon for the till that shows this number; the coupon is held for it meanwhile.

    A second one replaces the first. However many numbers are tried at once, five in ten minutes are looked up.
    Raises: NotFound for another's coupon, CouponLocked, NumberUnknown, CannotUnlock.
    """
    values = {
        "district_id": principal.district_id,
        "member_id": principal.subject_id,
        "offer_id": offer_id,
        "now": clock.now(),
        "machine_now": clock.machine_now(),
    }
    await _check_own(pool, values)
    taken = await guesses.of_unlocking(principal.district_id, offer_id).take(pool, clock)
    unlocked = await _unlock(pool, values, typed_number)
    await guesses.give_back(pool, taken)
    return unlocked


async def _unlock(pool: Pool, values: dict[str, Any], typed_number: str) -> Unlocked:
    try:
        number = number_of(typed_number)
    except NumberMalformed as malformed:
        raise NumberUnknown(str(malformed)) from None
    code = new_code()
    async with transaction(pool) as connection:
        row = await (
            await connection.execute(hold_queries.NUMBER_SQL, values | {"number": number})
        ).fetchone()
        if row is None:
            raise NumberUnknown("Type the number that the till shows now; it changes every two minutes.")
        hashed = typed_hash(values["district_id"], code)
        keys = values | {"till": row[0], "store_id": row[1]}
        held_until = await holding.place(connection, keys, typed_hash=hashed, is_moved=True)
    if held_until is None:
        raise CannotUnlock("It was used, its time is over or has not come, or it was withdrawn.")
    return Unlocked(typed_code=grouped(code), expires_at=held_until, store_id=row[1])


async def lock(pool: Pool, principal: Principal, offer_id: uuid.UUID) -> None:
    """Take the typed code back, and free the coupon of the till that holds it. Raises: NotFound."""
    values = {
        "district_id": principal.district_id,
        "member_id": principal.subject_id,
        "offer_id": offer_id,
    }
    await _check_own(pool, values)
    async with pool.connection() as connection:
        await holding.free(connection, principal.district_id, offer_id)


async def _check_own(pool: Pool, values: dict[str, Any]) -> None:
    async with pool.connection() as connection:
        row = await (await connection.execute(hold_queries.OWN_OFFER_SQL, values)).fetchone()
    if row is None:
        raise NotFound("No such offer.")
