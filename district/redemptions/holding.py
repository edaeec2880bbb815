"""A coupon held for one till for two minutes: its member unlocked it there, or its code was scanned there."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.database import Pool
from district.redemptions import hold_queries

Connection = AsyncConnection[TupleRow]
HELD_FOR = timedelta(minutes=2)


async def place(
    connection: Connection, values: dict[str, Any], *, typed_hash: bytes | None = None, is_moved: bool = False
) -> datetime | None:
    """Hold ``offer_id`` for ``till``; until when, or None when another till holds it or it cannot be used now.

    ``is_moved`` takes it from another till: only its member may.
    """
    held_until: datetime = values["machine_now"] + HELD_FOR
    keys = values | {"typed_hash": typed_hash, "held_until": held_until, "is_moved": is_moved}
    if await (await connection.execute(hold_queries.LOCK_USABLE_SQL, keys)).fetchone() is None:
        return None
    row = await (await connection.execute(hold_queries.HOLD_SQL, keys)).fetchone()
    return None if row is None else held_until


async def free(connection: Connection, district_id: uuid.UUID, offer_id: uuid.UUID) -> None:
    """Nobody holds it any more."""
    await connection.execute(hold_queries.FREE_SQL, {"district_id": district_id, "offer_id": offer_id})


async def sweep(pool: Pool, district_id: uuid.UUID, *, machine_now: datetime) -> int:
    """Forget holds and numbers whose time is over; how many coupons were held. They held nothing any more before."""
    values = {"district_id": district_id, "machine_now": machine_now}
    async with pool.connection() as connection:
        freed = await (await connection.execute(hold_queries.FREE_OLD_SQL, values)).fetchall()
        await connection.execute(hold_queries.FORGET_NUMBERS_SQL, values)
    return len(freed)


async def held_until(
    connection: Connection, district_id: uuid.UUID, offer_id: uuid.UUID, *, machine_now: datetime
) -> datetime | None:
    """Until when a till holds it; None when none does."""
    values = {"district_id": district_id, "offer_id": offer_id, "machine_now": machine_now}
    row = await (await connection.execute(hold_queries.HELD_SQL, values)).fetchone()
    found: datetime | None = None if row is None else row[1]
    return found
