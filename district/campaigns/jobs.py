"""What the clock does to campaigns: approved ones start, and those past their end are over."""

from datetime import datetime
from uuid import UUID

from district.campaigns.queries import ADVANCE_SQL
from district.campaigns.service import CHANNEL
from district.database import Pool, transaction


async def advance(pool: Pool, district_id: UUID, *, now: datetime) -> int:
    """Start and end what is due at this business time; how many changed. Any number of workers may ask."""
    async with transaction(pool) as connection:
        cursor = await connection.execute(
            ADVANCE_SQL, {"district_id": district_id, "now": now, "channel": CHANNEL}
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0
