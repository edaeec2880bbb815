"""Sessions whose plan's time is over, and of which no gateway told the end."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from district.database import Pool

SLACK: Final = timedelta(minutes=10)
"""Gateways count from the moment that they open, and accounting may still be on its way."""

END_OVERSTAYED_SQL: Final = """
UPDATE wifi_session
SET ended_at = expires_at, ended_because = 'expired', device_mac = '', "grant" = '{}'
WHERE district_id = %(district_id)s AND ended_at IS NULL AND expires_at <= %(before)s
"""


async def end(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> int:
    """Close them, so that no device's address is kept longer than it is needed; how many there were."""
    async with pool.connection() as connection:
        values = {"district_id": district_id, "before": now - SLACK}
        return (await connection.execute(END_OVERSTAYED_SQL, values)).rowcount
