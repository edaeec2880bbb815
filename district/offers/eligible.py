"""Whether a member belongs to those whom a campaign is for, when he asks for its offer himself."""

import uuid
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences import contexts
from district.campaigns.live import live_campaigns
from district.districts.service import DistrictInfo
from push.audience import matches
from push.suppression import Suppression

REASON = Suppression.NOT_IN_AUDIENCE
Connection = AsyncConnection[TupleRow]

_FOR_ALL_SQL = """
SELECT coalesce(rule -> 'who', '"everyone"') IN ('"everyone"', '{"all": []}') FROM campaign
WHERE district_id = %(district_id)s AND id = %(campaign_id)s
"""


async def is_for(
    connection: Connection,
    district: DistrictInfo,
    campaign_id: uuid.UUID,
    member_id: uuid.UUID,
    *,
    now: datetime,
) -> bool:
    """Whether the campaign's audience holds the member at this moment; what is for all asks nothing of him."""
    values = {"district_id": district.id, "campaign_id": campaign_id}
    row = await (await connection.execute(_FOR_ALL_SQL, values)).fetchone()
    if row is not None and row[0]:
        return True
    for live in await live_campaigns(connection, district, only=[campaign_id]):
        wanted = contexts.asked_by(live.campaign)
        known = await contexts.load(connection, district, [member_id], wanted=wanted, now=now)
        context = known[member_id].for_campaign(live.campaign)
        return matches(live.campaign.rule.audience, context, now=now)
    return False
