"""Redeeming: once for ever, the same answer for the same request number."""

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, new_id, transaction
from district.members.models import MemberState
from district.offers import reservations
from district.problems import DistrictError, NotFound
from district.redemptions import booking, guesses, hold_queries, presenting, queries, using
from district.redemptions.presenting import CodeKind, Presented
from district.redemptions.refusals import (
    AlreadyRedeemed,
    AlreadyReversed,
    CodeStale,
    HeldElsewhere,
    RefundOver,
    RequestNumberReused,
    UnknownCode,
)
from district.redemptions.schemas import Return, Returned, Use, Used
from district.stores.counters import Counter, OtherStore, standing, store_of
from push.coupon import CodeMalformed
from push.signed_code import ForgedCode, is_signed

REFUND_WINDOW = timedelta(days=30)
COUNTED = (CodeStale, HeldElsewhere, OtherStore)
"""What locks a coupon when codes of its member's page meet it too often."""
Connection = AsyncConnection[TupleRow]
Answer = TypeVar("Answer")


async def redeem(pool: Pool, principal: Principal, use: Use, *, clock: Clock) -> Used:
    """Use an offer. Of many at once exactly one succeeds, and a repeat of it is answered alike.

    Raises: TooMany after many unknown codes, UnknownCode, OtherStore, AlreadyRedeemed, NotYetValid, OfferExpired,
    BillTooSmall, RequestNumberReused; for codes of a member's page CodeStale, HeldElsewhere, CouponLocked; CodeRotates
    for the lasting code of an offer that takes none.
    """
    till = await standing(pool, principal)
    store_id = await store_of(pool, principal, till, use.store_id)
    tries = guesses.of_till(principal.district_id, till.name)
    await tries.check(pool, clock)
    values = asked(principal, till, store_id, clock) | {"request_no": use.use_request_no}
    try:
        presented = await read(pool, principal.district_id, use.code, clock=clock)
    except UnknownCode:
        await _check_number_free(pool, values)
        await tries.take(pool, clock)
        raise
    bill = "" if use.bill_minor is None else f"|{use.bill_minor}"
    values |= {
        "body_hash": hashlib.sha256(f"{presented.name}|{store_id}{bill}".encode()).digest(),
        "till_at": use.at,
        "bill_minor": use.bill_minor,
        "bill_id": None,
    }
    return await guarded(
        pool, [presented], tries, values, lambda: _redeem(pool, values, presented), clock=clock
    )


def asked(principal: Principal, till: Counter, store_id: uuid.UUID, clock: Clock) -> dict[str, Any]:
    """What every statement at a till needs."""
    machine_now = clock.machine_now()
    return {
        "district_id": principal.district_id,
        "till": till.name,
        "store_id": store_id,
        "now": clock.now(),
        "machine_now": machine_now,
        "period_start": guesses.period_start(machine_now),
    }


async def read(pool: Pool, district_id: uuid.UUID, text: str, *, clock: Clock) -> Presented:
    """What a text is. Raises: UnknownCode."""
    try:
        if not is_signed(text):
            return presenting.unsigned(district_id, text)
        async with pool.connection() as connection:
            return await presenting.read(connection, district_id, text, machine_now=clock.machine_now())
    except (CodeMalformed, ForgedCode) as unknown:
        raise UnknownCode(str(unknown)) from unknown


async def read_counted(pool: Pool, tries: guesses.Tries, text: str, *, clock: Clock) -> Presented:
    """The same, with what is no code counted for the till. Raises: UnknownCode, TooMany."""
    try:
        return await read(pool, tries.district_id, text, clock=clock)
    except UnknownCode:
        await tries.take(pool, clock)
        raise


async def guarded(
    pool: Pool,
    presented: Sequence[Presented],
    tries: guesses.Tries,
    values: dict[str, Any],
    act: Callable[[], Awaitable[Answer]],
    *,
    clock: Clock,
) -> Answer:
    """What ``act`` answers, with unknown codes counted for the till, and refused ones of a member's page for the coupon.

    Typed codes can be guessed: they are counted before they are looked up, so that of many at once no more than the
    limit are. ``act`` leaves in ``values`` which coupon (offer_id) and kind of code it looked at last.
    """
    typed = [one for one in presented if one.kind is CodeKind.TYPED]
    taken = [await tries.take(pool, clock) for _ in typed]
    try:
        answer = await act()
    except UnknownCode:
        if not taken:
            await tries.take(pool, clock)
        raise
    except DistrictError as refused:
        await _give_back(pool, taken)
        if isinstance(refused, COUNTED) and values["kind"] is not CodeKind.STATIC:
            await guesses.of_offer(tries.district_id, values["offer_id"]).take(pool, clock)
        raise
    await _give_back(pool, taken)
    return answer


async def _give_back(pool: Pool, taken: Sequence[dict[str, Any]]) -> None:
    for one in taken:
        await guesses.give_back(pool, one)


async def _check_number_free(pool: Pool, values: dict[str, Any]) -> None:
    """What is no code at all cannot repeat a use. Raises: RequestNumberReused."""
    async with pool.connection() as connection:
        await _answered(connection, values | {"body_hash": b""})


async def _redeem(pool: Pool, values: dict[str, Any], presented: Presented) -> Used:
    try:
        async with transaction(pool) as connection:
            return await _answered(connection, values) or await _use(connection, values, presented)
    except NumberTaken:
        async with pool.connection() as connection:
            stored = await _answered(connection, values)
        if stored is None:
            raise AlreadyRedeemed("Try again.") from None
        return stored


class NumberTaken(Exception):
    """Another request took the number between the look and the write."""


async def _answered(connection: Connection, values: dict[str, Any]) -> Used | None:
    row = await (await connection.execute(queries.ANSWERED_SQL, values)).fetchone()
    if row is None:
        return None
    if bytes(row[4]) != values["body_hash"]:
        raise RequestNumberReused("Count the till's request number up for each new use.")
    return Used(
        redemption_id=row[0], offer_id=row[1], value=row[2], redeemed_at=row[3], discount_minor=row[5]
    )


async def _use(connection: Connection, values: dict[str, Any], presented: Presented) -> Used:
    found = await using.find(connection, values, presented)
    values |= {"offer_id": found.id, "id": new_id(), "kind": presented.kind}
    using.judge(found, values, presented)
    terms = await booking.terms(connection, values)
    document = await using.take(connection, values)
    if document is None:
        stored = await _answered(connection, values)
        if stored is None:
            raise await using.refusal(connection, values, found)
        return stored
    values |= {"value": Jsonb(document), "discount_minor": using.discount(found.value, values["bill_minor"])}
    await write(connection, values, found)
    await booking.book_use(connection, values, terms)
    return Used(
        redemption_id=values["id"],
        offer_id=found.id,
        value=document,
        redeemed_at=values["now"],
        discount_minor=values["discount_minor"],
    )


async def write(connection: Connection, values: dict[str, Any], found: using.Found) -> None:
    """The redemption of a coupon that was just taken, which is held no longer. Raises: NumberTaken."""
    written = await (await connection.execute(queries.INSERT_REDEMPTION_SQL, values)).fetchone()
    if written is None:
        raise NumberTaken
    if found.held_until is not None:
        await connection.execute(hold_queries.FREE_SQL, values)


async def reverse(
    pool: Pool, principal: Principal, redemption_id: uuid.UUID, back: Return, *, clock: Clock
) -> Returned:
    """Take a redemption back; its offer can be used again while it is valid, unless its member has left.

    Raises: NotFound for another store's, AlreadyReversed, RefundOver, RequestNumberReused.
    """
    till = await standing(pool, principal)
    values: dict[str, Any] = {
        "district_id": principal.district_id,
        "id": new_id(),
        "redemption_id": redemption_id,
        "till": till.name,
        "request_no": back.return_request_no,
        "now": clock.now(),
    }
    async with transaction(pool) as connection:
        redeemed_at = await _own(connection, till, values)
        stored = await _returned(connection, values)
        if stored is not None:
            return stored
        if values["now"] - redeemed_at > REFUND_WINDOW:
            raise RefundOver(f"A redemption can be taken back for {REFUND_WINDOW.days} days.")
        return await _reverse(connection, values)


async def _own(connection: Connection, till: Counter, values: dict[str, Any]) -> datetime:
    """When it was redeemed. Raises: NotFound for another store's."""
    row = await (await connection.execute(queries.REDEMPTION_SQL, values)).fetchone()
    is_own = row is not None and (
        row[0] == till.store_id if till.store_id is not None else row[1] == till.merchant_id
    )
    if row is None or not is_own:
        raise NotFound("No such redemption.")
    redeemed_at: datetime = row[3]
    return redeemed_at


async def _returned(connection: Connection, values: dict[str, Any]) -> Returned | None:
    row = await (await connection.execute(queries.REVERSED_SQL, values)).fetchone()
    if row is None:
        return None
    if row[1] != values["redemption_id"]:
        raise RequestNumberReused("Count the till's request number up for each new reversal.")
    return Returned(reversal_id=row[0], redemption_id=row[1], reversed_at=row[2])


async def _reverse(connection: Connection, values: dict[str, Any]) -> Returned:
    holder = await (await connection.execute(queries.LOCK_HOLDER_SQL, values)).fetchone()
    reversed_row = await (await connection.execute(queries.REVERSE_SQL, values)).fetchone()
    if reversed_row is None:
        stored = await _returned(connection, values)
        if stored is None:
            raise AlreadyReversed("It was taken back under another request number.")
        return stored
    written = await (await connection.execute(queries.INSERT_REVERSAL_SQL, values)).fetchone()
    if written is None:
        raise RequestNumberReused("Count the till's request number up for each new reversal.")
    await connection.execute(queries.RETURN_OFFER_SQL, values | {"offer_id": reversed_row[0]})
    if holder is not None and holder[0] == MemberState.ERASED:
        await reservations.void_abandoned(
            connection, values["district_id"], [reversed_row[0]], now=values["now"]
        )
    await booking.book_reversal(connection, values)
    return Returned(
        reversal_id=values["id"], redemption_id=values["redemption_id"], reversed_at=values["now"]
    )
