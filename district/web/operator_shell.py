"""What all operator pages share."""

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.database import Pool
from push.campaign import CampaignState

WAITING_SQL = """
SELECT count(*) FROM campaign WHERE district_id = %(district_id)s AND state = %(state)s
"""


async def badges(pool: Pool, district_id: uuid.UUID) -> dict[str, int]:
    """The small numbers in the menu, for asynchronous routes: campaigns that wait for approval."""
    values = {"district_id": district_id, "state": CampaignState.IN_REVIEW}
    async with pool.connection() as connection:
        row = await (await connection.execute(WAITING_SQL, values)).fetchone()
    return {"approvals": row[0] if row else 0}


def waiting(session: Session, district_id: uuid.UUID) -> dict[str, int]:
    """The same for routes with a session."""
    statement = (
        select(func.count())
        .select_from(Campaign)
        .where(Campaign.district_id == district_id, Campaign.state == CampaignState.IN_REVIEW)
    )
    return {"approvals": session.scalar(statement) or 0}
