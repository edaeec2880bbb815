"""What sightings forget: salts two hours after their day, rows of nobody known after 24 hours, then whole days."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from district.database import Pool
from district.sightings import partitions
from district.sightings.partitions import ONE_DAY
from district.sightings.queries import DEAD_SALTS_SQL, OLD_LEFT_ROWS_SQL, OLD_PASSIVE_ROWS_SQL

PASSIVE_LIFE = timedelta(hours=24)
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """How much one run deleted."""

    salts: int
    rows: int


async def turn_days(pool: Pool, *, now: datetime, kept: timedelta) -> None:
    """Make the days that come, and drop those of which every row is older than ``kept``."""
    await partitions.make(pool, partitions.days_ahead(now))
    await partitions.drop_before(pool, partitions.oldest_day(now, kept))


async def forget(
    pool: Pool, district_id: uuid.UUID, *, now: datetime, kept: timedelta, lookback: timedelta | None = None
) -> Forgotten:
    """Delete what has outlived its purpose, in transactions small enough that nobody waits.

    Passive rows go one by one, for their life is shorter than a partition's. ``lookback``: how far before the end of
    their life they are looked for; None: in every day that there is.
    """
    values = {
        "district_id": district_id,
        "now": now,
        "before": now - PASSIVE_LIFE,
        "after": now - PASSIVE_LIFE - (kept + ONE_DAY if lookback is None else lookback),
        "kept_from": now - kept,
        "limit": ROWS_AT_ONCE,
    }
    async with pool.connection() as connection:
        salts = (await connection.execute(DEAD_SALTS_SQL, values)).rowcount
        rows = 0
        while deleted := (await connection.execute(OLD_PASSIVE_ROWS_SQL, values)).rowcount:
            rows += deleted
        rows += (await connection.execute(OLD_LEFT_ROWS_SQL, values)).rowcount
    return Forgotten(salts=salts, rows=rows)
