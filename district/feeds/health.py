"""How well feeds do: rows by outcome, counted in memory and written together."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.database import Pool, transaction
from district.feeds.queries import COUNT_ROWS_SQL

ACCEPTED = "accepted"
DUPLICATES = "duplicates"
"""Repeats inside a body, and bodies sent again: the edge saw them."""
RECORDED = "recorded"
REPEATED = "repeated"
"""Rows that were stored already: the recorder saw them."""
LATE_UNKNOWN = "late_unknown"
"""Late rows of nobody known: counted, not kept."""

WRITE_EVERY_S = 2.0
log = structlog.get_logger()
Key = tuple[uuid.UUID, uuid.UUID, date, str]


class FeedCounts:
    """Counts of one process since they were last written. What a crash loses are at most a few seconds of them."""

    def __init__(self) -> None:
        self._rows: Counter[Key] = Counter()

    def add(self, district_id: uuid.UUID, feed_id: uuid.UUID, day: date, outcomes: Mapping[str, int]) -> None:
        """Count rows."""
        for outcome, rows in outcomes.items():
            if rows:
                self._rows[district_id, feed_id, day, outcome] += rows

    async def write(self, pool: Pool, clock: Clock) -> None:
        """Add what was counted to the table; keep it when the database is away."""
        if not self._rows:
            return
        taken, self._rows = self._rows, Counter()
        try:
            async with transaction(pool) as connection:
                await write_counts(connection, taken, at=clock.now())
        except (psycopg.Error, OSError, TimeoutError) as error:
            self._rows.update(taken)
            log.warning("feed_health.kept", error=type(error).__name__)

    async def keep_writing(self, pool: Pool, clock: Clock) -> None:
        """Write for ever; once more when cancelled."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                await self.write(pool, clock)
        finally:
            await self.write(pool, clock)


async def write_counts(
    connection: AsyncConnection[TupleRow], counts: Mapping[Key, int], *, at: datetime
) -> None:
    """Add counts, in the order of their keys so that writers never wait for each other in a ring."""
    values = [
        {
            "district_id": district_id,
            "feed_id": feed_id,
            "trading_day": day,
            "outcome": outcome,
            "rows": rows,
            "last_at": at,
        }
        for (district_id, feed_id, day, outcome), rows in sorted(counts.items())
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(COUNT_ROWS_SQL, values)
