"""The raw store's partitions, one for each day (UTC): made ahead, made when a row's day is missing, dropped whole.

``raw_sighting_default`` catches what no day takes; what is there when its day is made moves.
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import psycopg
import structlog
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from district.database import Pool, transaction
from district.sightings.queries import (
    ATTACH_DAY_SQL,
    MAKE_DAY_SQL,
    MOVE_TO_DAY_SQL,
    PARTITIONS_SQL,
    PATIENCE_SQL,
    SOLE_MAKER_SQL,
)

DAYS_AHEAD = 2
ONE_DAY = timedelta(days=1)
_PARTITION = re.compile(r"raw_sighting_(?:(\d{8})|default)")
log = structlog.get_logger()


def is_partition(table: str) -> bool:
    """Whether a table's name is that of a partition of the raw store."""
    return _PARTITION.fullmatch(table) is not None


def day_of(at: datetime) -> date:
    """The day whose partition takes this instant."""
    return at.astimezone(UTC).date()


def days_ahead(now: datetime) -> frozenset[date]:
    """The days that rows of the next two days may have: yesterday's come late."""
    today = day_of(now)
    return frozenset(today + number * ONE_DAY for number in range(-1, DAYS_AHEAD + 1))


def oldest_day(now: datetime, kept: timedelta) -> date:
    """The first day of which something is still to be kept."""
    return day_of(now - kept)


async def existing(connection: AsyncConnection[TupleRow]) -> frozenset[date]:
    """The days that have a partition."""
    names = await (await connection.execute(PARTITIONS_SQL)).fetchall()
    found = (_PARTITION.fullmatch(name) for (name,) in names)
    return frozenset(
        datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
        for match in found
        if match and match[1]
    )


async def make(pool: Pool, wanted: Collection[date]) -> frozenset[date]:
    """Make the days that are missing; the days that have a partition afterwards.

    Each in a transaction of its own that waits for others at most two seconds: a day that could not be made now is
    made the next time, and until then its rows are kept by the default partition.
    """
    async with pool.connection() as connection:
        there = await existing(connection)
    for day in sorted(frozenset(wanted) - there):
        try:
            async with transaction(pool) as connection:
                await _make(connection, day)
        except psycopg.errors.LockNotAvailable:
            log.info("sightings.partition_waits", day=str(day))
        else:
            there |= {day}
    return there


async def _make(connection: AsyncConnection[TupleRow], day: date) -> None:
    """Beside the table and then into it: that stops neither who writes nor who reads other days."""
    await _alone(connection)
    if day in await existing(connection):
        return
    names = {
        "partition": sql.Identifier(f"raw_sighting_{day:%Y%m%d}"),
        "first": sql.Literal(f"{day} 00:00:00+00"),
        "end": sql.Literal(f"{day + ONE_DAY} 00:00:00+00"),
    }
    for statement in (MAKE_DAY_SQL, MOVE_TO_DAY_SQL, ATTACH_DAY_SQL):
        await connection.execute(sql.SQL(statement).format(**names))
    log.info("sightings.partition_made", day=str(day))


async def drop_before(pool: Pool, oldest: date) -> frozenset[date]:
    """Drop the partitions of the days before ``oldest``; which went. One that is read just now goes the next time."""
    dropped: set[date] = set()
    async with pool.connection() as connection:
        there = await existing(connection)
    for day in sorted(one for one in there if one < oldest):
        partition = sql.Identifier(f"raw_sighting_{day:%Y%m%d}")
        try:
            async with transaction(pool) as connection:
                await _alone(connection)
                await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(partition))
        except psycopg.errors.LockNotAvailable:
            log.info("sightings.partition_waits", day=str(day))
        else:
            dropped.add(day)
            log.info("sightings.partition_dropped", day=str(day))
    return frozenset(dropped)


async def _alone(connection: AsyncConnection[TupleRow]) -> None:
    """Of several workers one makes or drops at a time. Raises: LockNotAvailable."""
    await connection.execute(PATIENCE_SQL)
    await connection.execute(SOLE_MAKER_SQL)
