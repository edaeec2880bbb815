"""How long a contact proves who comes: telephone numbers are given to other people after a while."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.members.models import DeviceAlias, Member

AGAIN_AFTER_IDLE = timedelta(days=90)


def is_stale(session: Session, member: Member, *, now: datetime) -> bool:
    """Whether a member who gave a contact has been away so long that it must be proven again.

    Until then he goes on line, and sees nothing of what he did or was given before. Ask before his device is noted.
    """
    if member.phone is None and member.email is None:
        return False
    last_seen = session.scalar(
        select(func.max(DeviceAlias.last_seen_at)).where(
            DeviceAlias.district_id == member.district_id, DeviceAlias.member_id == member.id
        )
    )
    known_since = [member.verified_at, last_seen, member.joined_at]
    return max(at for at in known_since if at is not None) <= now - AGAIN_AFTER_IDLE
