"""Closing trading days: once each, a while after their end, by whichever worker comes first."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.database import Pool, new_id, transaction
from district.districts.service import DistrictInfo
from district.ledger.shares import NOBODY
from district.settlement import queries
from district.settlement.days import bounds

GRACE = timedelta(minutes=10)
"""After a day's end: what was begun before it is committed by then."""
MOST_DAYS = 31
"""Closed in one go, after a pause of the workers."""
CLOSED_WITHIN_S = 900
"""What one statement of a closing may take: it reads weeks of postings, and nobody waits for its answer."""
log = structlog.get_logger()


async def close(pool: Pool, districts: Sequence[DistrictInfo], clock: Clock) -> None:
    """Close every day that is over, in every district."""
    for district in districts:
        try:
            for day in await due(pool, district, now=clock.now()):
                parties = await close_day(pool, district, day, now=clock.now())
                if parties is not None:
                    log.info("statement.closed", district=district.slug, day=day.isoformat(), parties=parties)
        except psycopg.Error as error:
            # One district's trouble must not keep the others' statements back.
            log.warning("statement.failed", district=district.slug, error=type(error).__name__)


async def due(pool: Pool, district: DistrictInfo, *, now: datetime) -> list[date]:
    """The days that are over and not closed, the oldest first."""
    values = {"district_id": district.id}
    async with pool.connection() as connection:
        last = await _one(connection, queries.LAST_DAY_SQL, values)
        first_at = await _one(connection, queries.FIRST_POSTING_SQL, values)
    if first_at is None:
        return []
    day = district.trading_day(first_at) if last is None else last + timedelta(days=1)
    days = (district.trading_day(now - GRACE) - day).days
    return [day + timedelta(days=number) for number in range(min(days, MOST_DAYS))]


async def _one(connection: AsyncConnection[TupleRow], sql: str, values: dict[str, Any]) -> Any:
    row = await (await connection.execute(sql.encode(), values)).fetchone()
    return None if row is None else row[0]


async def close_day(pool: Pool, district: DistrictInfo, day: date, *, now: datetime) -> int | None:
    """Write each party's statement; how many, None when the day was closed before.

    What was booked up to the day's end and counted in no statement yet is counted here: a reversal of what an earlier
    one counted is a correction, and so is what came late. No closed statement changes.
    """
    values = bounds(district, day) | {"now": now, "nobody": NOBODY}
    async with transaction(pool) as connection:
        await connection.execute(f"SET LOCAL statement_timeout = '{CLOSED_WITHIN_S}s'".encode())
        if await (await connection.execute(queries.CLAIM_DAY_SQL, values)).fetchone() is None:
            return None
        await connection.execute(queries.SETTLE_SQL, values)
        rows = await (await connection.execute(queries.PARTIES_SQL, values)).fetchall()
        await connection.execute(queries.ADD_STATEMENTS_SQL, values | _columns(rows))
        await connection.execute(queries.CLEAR_SQL, values)
    return len(rows)


_NAMES = (
    "parties",
    "party_ids",
    "redemptions",
    "redeemed",
    "reversals",
    "reversed",
    "corrections",
    "corrected",
    "points",
    "borne",
    "net",
)


def _columns(rows: Sequence[TupleRow]) -> dict[str, Any]:
    columns = {name: [row[place] for row in rows] for place, name in enumerate(_NAMES)}
    return columns | {"ids": [new_id() for _ in rows]}
