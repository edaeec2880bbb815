"""What all operator pages share."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from babel.dates import format_timedelta
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.clock import Clock
from district.database import Pool
from district.members.models import Alarm
from district.web.language import spoken
from push.campaign_life import CampaignState

WAITING_SQL = """
SELECT (SELECT count(*) FROM campaign
        WHERE district_id = %(district_id)s AND (state = %(state)s OR pending_version IS NOT NULL)),
       (SELECT count(*) FROM alarm WHERE district_id = %(district_id)s AND seen_at IS NULL)
"""


async def badges(pool: Pool, district_id: uuid.UUID) -> dict[str, int]:
    """The small numbers in the menu, for asynchronous routes: campaigns that wait for approval, and alarms."""
    values = {"district_id": district_id, "state": CampaignState.IN_REVIEW}
    async with pool.connection() as connection:
        row = await (await connection.execute(WAITING_SQL, values)).fetchone()
    return {"approvals": row[0], "alarms": row[1]} if row else {}


def waiting(session: Session, district_id: uuid.UUID) -> dict[str, int]:
    """The same for routes with a session."""
    statement = (
        select(func.count())
        .select_from(Campaign)
        .where(
            Campaign.district_id == district_id,
            or_(Campaign.state == CampaignState.IN_REVIEW, Campaign.pending_version.is_not(None)),
        )
    )
    alarms = (
        select(func.count())
        .select_from(Alarm)
        .where(Alarm.district_id == district_id, Alarm.seen_at.is_(None))
    )
    return {"approvals": session.scalar(statement) or 0, "alarms": session.scalar(alarms) or 0}


def machine_ago(clock: Clock) -> Callable[[datetime], str]:
    """Machine times as people read them: 3 minutes ago. The page's own clock is business time."""
    machine_now = clock.machine_now()

    def ago(at: datetime) -> str:
        length = min(at - machine_now, timedelta(seconds=-1))
        return format_timedelta(length, add_direction=True, locale=spoken().language.locale)

    return ago
