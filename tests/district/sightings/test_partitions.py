"""The raw store's days: made ahead and when missing, dropped exactly when they are over, by any number of workers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from district.database import Pool, make_pool
from district.sightings import partitions
from district.sightings.jobs import forget, turn_days
from tests.conftest import cloned_database

DAY = timedelta(days=1)
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
TODAY = NOON.date()
KEPT = timedelta(days=3)


@pytest.fixture
def database_url(addresses: dict[str, str]) -> object:
    """A database of each test's own: partitions belong to all districts."""
    with cloned_database(addresses["database"]) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with make_pool(database_url, size=6) as pool:
        yield pool


INSERT = """
INSERT INTO raw_sighting (district_id, feed_id, at, source_id, device, member_id, lon, lat, accuracy_m, received_at)
VALUES (%(district)s, %(district)s, %(at)s, %(name)s, '\\x00', %(member)s, 24.9, 60.1, 5, %(at)s)
ON CONFLICT (district_id, feed_id, at, source_id) DO NOTHING
"""
DISTRICT = uuid.UUID(int=7)


async def put(pool: Pool, name: str, at: datetime, *, member: bool = True) -> int:
    async with pool.connection() as connection:
        values = {"district": DISTRICT, "at": at, "name": name, "member": DISTRICT if member else None}
        return (await connection.execute(INSERT, values)).rowcount


async def places(pool: Pool) -> dict[str, str]:
    """The partition of each row."""
    async with pool.connection() as connection:
        found = await connection.execute("SELECT source_id, tableoid::regclass::text FROM raw_sighting")
        return dict(await found.fetchall())


async def days(pool: Pool) -> frozenset[date]:
    async with pool.connection() as connection:
        return await partitions.existing(connection)


async def test_the_tick_makes_yesterday_today_and_two_days_ahead_once(pool: Pool) -> None:
    await turn_days(pool, now=NOON, kept=KEPT)
    await turn_days(pool, now=NOON, kept=KEPT)
    assert await days(pool) == {TODAY + number * DAY for number in (-1, 0, 1, 2)}


async def test_a_row_goes_to_its_day_in_utc_to_the_last_microsecond(pool: Pool) -> None:
    await turn_days(pool, now=NOON, kept=KEPT)
    midnight = datetime(2026, 5, 20, tzinfo=UTC)
    await put(pool, "first", midnight)
    await put(pool, "last", midnight + DAY - timedelta(microseconds=1))
    await put(pool, "next", midnight + DAY)
    assert await places(pool) == {
        "first": "raw_sighting_20260520",
        "last": "raw_sighting_20260520",
        "next": "raw_sighting_20260521",
    }


async def test_rows_of_a_day_without_partition_are_kept_and_move_when_it_is_made(pool: Pool) -> None:
    await put(pool, "early", NOON)
    await put(pool, "other day", NOON + 9 * DAY)
    assert set((await places(pool)).values()) == {"raw_sighting_default"}
    await turn_days(pool, now=NOON, kept=KEPT)
    assert await places(pool) == {"early": "raw_sighting_20260520", "other day": "raw_sighting_default"}
    assert await put(pool, "early", NOON) == 0
    assert len(await places(pool)) == 2


async def test_exactly_the_days_that_are_over_go(pool: Pool) -> None:
    all_days = [TODAY - number * DAY for number in range(8)]
    await partitions.make(pool, all_days)
    for day in all_days:
        await put(pool, str(day), datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC))
    before_midnight = datetime(2026, 5, 20, 23, 59, 59, 999999, tzinfo=UTC)
    await turn_days(pool, now=before_midnight, kept=KEPT)
    left = {day for day in await days(pool) if day <= TODAY}
    assert left == {TODAY - number * DAY for number in range(4)}
    await turn_days(pool, now=before_midnight + timedelta(microseconds=1), kept=KEPT)
    left = {day for day in await days(pool) if day <= TODAY}
    assert left == {TODAY - number * DAY for number in range(3)}
    assert set(await places(pool)) == {str(day) for day in left}


async def test_passive_rows_go_after_24_hours_and_members_rows_stay(pool: Pool) -> None:
    await partitions.make(pool, [TODAY - number * DAY for number in range(3)])
    # One row a partition: all have the same place in theirs, and only the old passive one may go.
    await put(pool, "old passive", NOON - DAY - timedelta(minutes=1), member=False)
    await put(pool, "young passive", NOON - timedelta(hours=1), member=False)
    await put(pool, "old member", NOON - 2 * DAY)
    gone = await forget(pool, DISTRICT, now=NOON, kept=KEPT, lookback=timedelta(hours=1))
    assert gone.rows == 1
    assert set(await places(pool)) == {"young passive", "old member"}


@pytest.mark.parametrize(
    ("lookback", "left"), [(timedelta(hours=1), {"long ago"}), (None, set())], ids=["near", "everywhere"]
)
async def test_what_a_pause_left_behind_is_found(
    pool: Pool, lookback: timedelta | None, left: set[str]
) -> None:
    await put(pool, "long ago", NOON - 2 * DAY, member=False)
    await forget(pool, DISTRICT, now=NOON, kept=KEPT, lookback=lookback)
    assert set(await places(pool)) == left


async def test_what_no_day_ever_took_goes_with_the_days(pool: Pool) -> None:
    await put(pool, "over", NOON - KEPT - timedelta(seconds=1))
    await put(pool, "kept", NOON - KEPT)
    await forget(pool, DISTRICT, now=NOON, kept=KEPT)
    assert set(await places(pool)) == {"kept"}


async def test_workers_at_once_make_and_drop_each_day_once(pool: Pool) -> None:
    await partitions.make(pool, [TODAY - 9 * DAY, TODAY - 8 * DAY])
    await put(pool, "waiting", NOON)
    await asyncio.gather(*(turn_days(pool, now=NOON, kept=KEPT) for _ in range(5)))
    assert await days(pool) == {TODAY + number * DAY for number in (-1, 0, 1, 2)}
    assert await places(pool) == {"waiting": "raw_sighting_20260520"}


async def test_a_day_that_is_read_just_now_is_dropped_the_next_time(pool: Pool, database_url: str) -> None:
    await partitions.make(pool, [TODAY - 9 * DAY])
    reader = await psycopg.AsyncConnection.connect(database_url)
    try:
        await reader.execute("SELECT count(*) FROM raw_sighting")
        assert await partitions.drop_before(pool, TODAY) == frozenset()
        await reader.rollback()
        assert await partitions.drop_before(pool, TODAY) == {TODAY - 9 * DAY}
    finally:
        await reader.close()


async def test_writers_of_other_days_are_not_stopped_by_a_new_day(pool: Pool, database_url: str) -> None:
    await partitions.make(pool, [TODAY])
    writer = await psycopg.AsyncConnection.connect(database_url)
    try:
        await writer.execute(INSERT, {"district": DISTRICT, "at": NOON, "name": "open", "member": None})
        assert TODAY + DAY in await partitions.make(pool, [TODAY + DAY])
        await writer.commit()
    finally:
        await writer.close()
    assert await places(pool) == {"open": "raw_sighting_20260520"}


def test_only_partitions_have_partitions_names() -> None:
    assert partitions.is_partition("raw_sighting_20260520")
    assert partitions.is_partition("raw_sighting_default")
    assert not any(
        partitions.is_partition(name)
        for name in ("raw_sighting", "raw_sighting_2026", "x_raw_sighting_default")
    )


INDEXES = """
SELECT am.amname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am am ON am.oid = relam
JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = 'raw_sighting_20260520'::regclass ORDER BY 1
"""


async def test_a_days_partition_has_the_indexes_of_the_table(pool: Pool) -> None:
    await partitions.make(pool, [TODAY])
    async with pool.connection() as connection:
        assert await (await connection.execute(INDEXES)).fetchall() == [("brin",), ("btree",)]
