"""Redeeming: once for ever, the same answer for the same request number."""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, new_id, transaction
from district.problems import NotFound, TooMany
from district.redemptions import booking, queries
from district.redemptions.refusals import (
    AlreadyRedeemed,
    AlreadyReversed,
    BillTooSmall,
    NotYetValid,
    OfferExpired,
    RefundOver,
    RequestNumberReused,
    UnknownCode,
)
from district.redemptions.schemas import Return, Returned, Use, Used
from district.stores.counters import Counter, OtherStore, standing, store_of
from push.coupon import CodeMalformed, CouponCode, normalise
from push.offer_document import read_value

UNKNOWN_LIMIT = 20
UNKNOWN_PERIOD = timedelta(minutes=10)
REFUND_WINDOW = timedelta(days=30)
Connection = AsyncConnection[TupleRow]


async def redeem(pool: Pool, principal: Principal, use: Use, *, clock: Clock) -> Used:
    """Use an offer. Of many at once exactly one succeeds, and a repeat of it is answered alike.

    Raises: TooMany after many unknown codes, UnknownCode, OtherStore, AlreadyRedeemed, NotYetValid,
    OfferExpired, BillTooSmall, RequestNumberReused.
    """
    till = await standing(pool, principal)
    store_id = await store_of(pool, principal, till, use.store_id)
    await _check_not_locked(pool, principal, till, clock)
    try:
        return await _redeem(pool, _asked(principal, till, store_id, use, now=clock.now()))
    except (CodeMalformed, UnknownCode) as unknown:
        if isinstance(unknown, CodeMalformed):
            await _check_number_free(pool, principal, till, use.use_request_no)
        await _count_unknown(pool, principal, till, clock)
        raise UnknownCode(str(unknown)) from unknown


def _asked(
    principal: Principal, till: Counter, store_id: uuid.UUID, use: Use, *, now: datetime
) -> dict[str, Any]:
    """What the statements of one request need. Raises: CodeMalformed."""
    code: CouponCode = normalise(use.code)
    bill = "" if use.bill_minor is None else f"|{use.bill_minor}"
    return {
        "district_id": principal.district_id,
        "till": till.name,
        "request_no": use.use_request_no,
        "body_hash": hashlib.sha256(f"{code}|{store_id}{bill}".encode()).digest(),
        "code": code,
        "store_id": store_id,
        "now": now,
        "till_at": use.at,
        "bill_minor": use.bill_minor,
    }


async def _check_number_free(pool: Pool, principal: Principal, till: Counter, request_no: str) -> None:
    """What is no code at all cannot repeat a use. Raises: RequestNumberReused."""
    values = {
        "district_id": principal.district_id,
        "till": till.name,
        "request_no": request_no,
        "body_hash": b"",
    }
    async with pool.connection() as connection:
        await _answered(connection, values)


async def _redeem(pool: Pool, values: dict[str, Any]) -> Used:
    try:
        async with transaction(pool) as connection:
            return await _answered(connection, values) or await _use(connection, values)
    except _NumberTaken:
        async with pool.connection() as connection:
            stored = await _answered(connection, values)
        if stored is None:
            raise AlreadyRedeemed("Try again.") from None
        return stored


class _NumberTaken(Exception):
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


async def _use(connection: Connection, values: dict[str, Any]) -> Used:
    offer = await (await connection.execute(queries.OFFER_SQL, values)).fetchone()
    if offer is None:
        raise UnknownCode("Read the code again; it has 26 letters and digits.")
    if not offer[4]:
        raise OtherStore("The offer is used in another store.")
    values |= {"offer_id": offer[0], "id": new_id()}
    terms = await booking.terms(connection, values)
    used = await (await connection.execute(queries.USE_OFFER_SQL, values)).fetchone()
    if used is None:
        return await _answered(connection, values) or await _refuse(connection, values)
    values |= {"value": Jsonb(used[0]), "discount_minor": _discount(used[0], values["bill_minor"])}
    written = await (await connection.execute(queries.INSERT_REDEMPTION_SQL, values)).fetchone()
    if written is None:
        raise _NumberTaken
    await booking.book_use(connection, values, terms)
    return Used(
        redemption_id=values["id"],
        offer_id=offer[0],
        value=used[0],
        redeemed_at=values["now"],
        discount_minor=values["discount_minor"],
    )


def _discount(document: dict[str, Any], bill_minor: int | None) -> int | None:
    """What the offer takes off. Raises: BillTooSmall."""
    value = read_value(document)
    if bill_minor is not None and bill_minor < (value.min_spend_minor or 0):
        raise BillTooSmall(
            "The bill is below the amount from which the offer holds.", min_spend_minor=value.min_spend_minor
        )
    return booking.worth(value, bill_minor)


async def _refuse(connection: Connection, values: dict[str, Any]) -> Used:
    """Say why an offer could not be used, from what holds now."""
    offer = await (await connection.execute(queries.OFFER_SQL, values)).fetchone()
    first = await (await connection.execute(queries.FIRST_USE_SQL, values)).fetchone()
    if first is not None:
        raise AlreadyRedeemed(
            "It was used before; the first use is named.",
            first_redeemed_at=first[0].isoformat(),
            first_till=first[1],
        )
    if offer is not None and offer[2] > values["now"]:
        raise NotYetValid("It is valid later.", valid_from=offer[2].isoformat())
    raise OfferExpired(
        "Its time is over or it was withdrawn.", valid_until=offer[3].isoformat() if offer else None
    )


async def reverse(
    pool: Pool, principal: Principal, redemption_id: uuid.UUID, back: Return, *, clock: Clock
) -> Returned:
    """Take a redemption back; its offer can be used again while it is valid.

    Raises: NotFound for another store's, AlreadyReversed, RefundOver, RequestNumberReused.
    """
    till = await standing(pool, principal)
    values = {
        "district_id": principal.district_id,
        "id": new_id(),
        "redemption_id": redemption_id,
        "till": till.name,
        "request_no": back.return_request_no,
        "now": clock.now(),
    }
    async with transaction(pool) as connection:
        await _check_own(connection, till, values)
        return await _returned(connection, values) or await _reverse(connection, values)


async def _check_own(connection: Connection, till: Counter, values: dict[str, Any]) -> None:
    row = await (await connection.execute(queries.REDEMPTION_SQL, values)).fetchone()
    is_own = row is not None and (
        row[0] == till.store_id if till.store_id is not None else row[1] == till.merchant_id
    )
    if row is None or not is_own:
        raise NotFound("No such redemption.")
    if values["now"] - row[3] > REFUND_WINDOW:
        raise RefundOver(f"A redemption can be taken back for {REFUND_WINDOW.days} days.")


async def _returned(connection: Connection, values: dict[str, Any]) -> Returned | None:
    row = await (await connection.execute(queries.REVERSED_SQL, values)).fetchone()
    if row is None:
        return None
    if row[1] != values["redemption_id"]:
        raise RequestNumberReused("Count the till's request number up for each new reversal.")
    return Returned(reversal_id=row[0], redemption_id=row[1], reversed_at=row[2])


async def _reverse(connection: Connection, values: dict[str, Any]) -> Returned:
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
    await booking.book_reversal(connection, values)
    return Returned(
        reversal_id=values["id"], redemption_id=values["redemption_id"], reversed_at=values["now"]
    )


def _guesses(principal: Principal, till: Counter, clock: Clock) -> dict[str, Any]:
    period_s = UNKNOWN_PERIOD.total_seconds()
    now = clock.machine_now()
    start = datetime.fromtimestamp(now.timestamp() // period_s * period_s, tz=now.tzinfo)
    return {"district_id": principal.district_id, "subject": f"unknown:{till.name}", "period_start": start}


async def _check_not_locked(pool: Pool, principal: Principal, till: Counter, clock: Clock) -> None:
    async with pool.connection() as connection:
        values = _guesses(principal, till, clock)
        row = await (await connection.execute(queries.UNKNOWN_COUNT_SQL, values)).fetchone()
    if row is not None and row[0] >= UNKNOWN_LIMIT:
        raise _locked(values["period_start"], clock)


async def _count_unknown(pool: Pool, principal: Principal, till: Counter, clock: Clock) -> None:
    """Count a guess; past the limit it is not even said that the code is unknown."""
    async with pool.connection() as connection:
        values = _guesses(principal, till, clock)
        row = await (await connection.execute(queries.COUNT_UNKNOWN_SQL, values)).fetchone()
    if row is not None and row[0] > UNKNOWN_LIMIT:
        raise _locked(values["period_start"], clock)


def _locked(period_start: datetime, clock: Clock) -> TooMany:
    wait = period_start + UNKNOWN_PERIOD - clock.machine_now()
    return TooMany(
        "This till asked for too many unknown codes; wait, then scan the QR code.",
        retry_after_s=max(1, int(wait.total_seconds())),
    )
