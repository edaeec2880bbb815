"""From the captive sheet to the person's own browser: a link that works once, for ten minutes."""

import secrets
import uuid
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import LoginSession, Role
from district.auth.service import IssuedToken, token_hash
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.members import service as members
from district.portal.models import HandOver

LIFE = timedelta(minutes=10)
"""Machine time."""
TOKEN_BYTES = 16
MAX_TOKEN = 80
MOST_OPEN = 20


def make(
    session: Session, district: DistrictInfo, member_id: uuid.UUID, session_token: str, *, clock: Clock
) -> str:
    """The end of a link for the member of a session: the district and 128 random bits, and nothing of the device.

    Empty when the member has enough of them that still work.
    """
    if _open_count(session, district, member_id, clock=clock) >= MOST_OPEN:
        return ""
    token = f"{district.slug}.{secrets.token_urlsafe(TOKEN_BYTES)}"
    now = clock.machine_now()
    session.add(
        HandOver(
            district_id=district.id,
            token_hash=token_hash(token),
            member_id=member_id,
            session_hash=token_hash(session_token),
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return token


def _open_count(session: Session, district: DistrictInfo, member_id: uuid.UUID, *, clock: Clock) -> int:
    counted = select(func.count()).where(
        HandOver.district_id == district.id,
        HandOver.member_id == member_id,
        HandOver.used_at.is_(None),
        HandOver.expires_at > clock.machine_now(),
    )
    return session.scalar(counted) or 0


def is_open(session: Session, district: DistrictInfo, token: str, *, clock: Clock) -> bool:
    """Whether the link would still open something; looking at it uses nothing up."""
    row = session.get(HandOver, (district.id, token_hash(token)))
    return row is not None and row.used_at is None and row.expires_at > clock.machine_now()


def take(session: Session, district: DistrictInfo, token: str, *, clock: Clock) -> IssuedToken | None:
    """A session of the same member for another browser of his, once; None when the link is used, old or cut off."""
    now = clock.machine_now()
    row = session.scalar(
        update(HandOver)
        .where(
            HandOver.district_id == district.id,
            HandOver.token_hash == token_hash(token),
            HandOver.used_at.is_(None),
            HandOver.expires_at > now,
        )
        .values(used_at=now)
        .returning(HandOver)
    )
    if row is None:
        return None
    made_by = session.get(LoginSession, (district.id, row.session_hash))
    if made_by is None or made_by.revoked_at is not None or made_by.expires_at <= now:
        return None
    if members.find(session, district.id, row.member_id) is None:
        return None
    return auth.open_session(
        session,
        role=Role.SHOPPER,
        district_id=district.id,
        district_slug=district.slug,
        subject_id=row.member_id,
        clock=clock,
    )
