"""What all operator pages share."""

import uuid

from district.database import Pool
from push.campaign import CampaignState

WAITING_SQL = """
SELECT count(*) FROM campaign WHERE district_id = %(district_id)s AND state = %(state)s
"""


async def badges(pool: Pool, district_id: uuid.UUID) -> dict[str, int]:
    """The small numbers in the menu: campaigns that wait for approval."""
    values = {"district_id": district_id, "state": CampaignState.IN_REVIEW}
    async with pool.connection() as connection:
        row = await (await connection.execute(WAITING_SQL, values)).fetchone()
    return {"approvals": row[0] if row else 0}
