"""Retention of notices' numbers: longer than any provider repeats one, and than a refund may come."""

import uuid
from datetime import datetime, timedelta

from district.database import Pool
from district.purchases.queries import FORGET_SQL

KEPT = timedelta(days=62)


async def forget(pool: Pool, district_id: uuid.UUID, *, machine_now: datetime) -> None:
    """Drop the numbers whose time is over."""
    async with pool.connection() as connection:
        await connection.execute(FORGET_SQL, {"district_id": district_id, "before": machine_now - KEPT})
