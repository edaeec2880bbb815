"""Whether a member belongs to those whom a campaign is for, when he asks for its offer himself."""

import uuid
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.districts.service import DistrictInfo

REASON = "not_in_audience"
Connection = AsyncConnection[TupleRow]

_WHO_SQL = """
SELECT coalesce(rule -> 'who', '"everyone"') IN ('"everyone"', '{"all": []}') FROM campaign
WHERE district_id = %(district_id)s AND id = %(campaign_id)s
"""


async def is_for(
    connection: Connection,
    district: DistrictInfo,
    campaign_id: uuid.UUID,
    member_id: uuid.UUID,  # noqa: ARG001
    *,
    now: datetime,  # noqa: ARG001
) -> bool:
    """Whether the campaign's audience holds the member at this moment."""
    values = {"district_id": district.id, "campaign_id": campaign_id}
    row = await (await connection.execute(_WHO_SQL, values)).fetchone()
    return row is not None and bool(row[0])
