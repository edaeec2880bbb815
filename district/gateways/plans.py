"""Plans: what a login may use."""

import uuid

from sqlalchemy.orm import Session

from district.gateways.dialect import PlanInfo
from district.gateways.models import Plan

DEFAULT = PlanInfo(session_s=8 * 3600, idle_s=1800)
"""For a gateway without a plan of its own: a day's shopping."""


def info_of(row: Plan) -> PlanInfo:
    """A plan as dialects and RADIUS see it."""
    return PlanInfo(
        session_s=row.session_s,
        idle_s=row.idle_s,
        down_kbps=row.down_kbps,
        up_kbps=row.up_kbps,
        volume_kib=row.volume_kib,
        devices=row.devices,
        daily_s=row.daily_s,
        daily_kib=row.daily_kib,
    )


def plan_of(session: Session, district_id: uuid.UUID, plan_id: uuid.UUID | None) -> PlanInfo:
    """The plan of an id; the default when there is none."""
    row = session.get(Plan, (district_id, plan_id)) if plan_id else None
    return info_of(row) if row else DEFAULT
