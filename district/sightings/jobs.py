"""What sightings forget: salts two hours after their day, raw rows of nobody known after 24 hours."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from district.database import Pool
from district.sightings.queries import DEAD_SALTS_SQL, OLD_PASSIVE_ROWS_SQL

PASSIVE_LIFE = timedelta(hours=24)
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """How much one run deleted."""

    salts: int
    rows: int


async def forget(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> Forgotten:
    """Delete what has outlived its purpose, in transactions small enough that nobody waits."""
    values = {
        "district_id": district_id,
        "now": now,
        "before": now - PASSIVE_LIFE,
        "limit": ROWS_AT_ONCE,
    }
    async with pool.connection() as connection:
        salts = (await connection.execute(DEAD_SALTS_SQL, values)).rowcount
        rows = 0
        while deleted := (await connection.execute(OLD_PASSIVE_ROWS_SQL, values)).rowcount:
            rows += deleted
    return Forgotten(salts=salts, rows=rows)
