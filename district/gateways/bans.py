"""Who is not let in: a device, a member, or both; until a time or until the ban is lifted."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.gateways.models import Ban
from district.problems import Invalid, NotFound


class Banned(Invalid):
    """Somebody who is not let in here."""

    status, slug, title = HTTPStatus.FORBIDDEN, "banned", "Not admitted to this Wi-Fi"

    def __init__(self) -> None:
        super().__init__(
            "You cannot use the Wi-Fi here for now. Please ask at the information desk.",
            detail_zh="您暂时无法使用这里的无线网络，请咨询服务台。",
        )


@dataclass(frozen=True, kw_only=True)
class NewBan:
    """Whom to keep out, why, and until when (business time; None: for good)."""

    reason: str
    until: datetime | None
    alias: bytes | None = None
    member_id: uuid.UUID | None = None


def create(session: Session, district_id: uuid.UUID, new: NewBan, *, clock: Clock) -> Ban:
    """Keep somebody out from now on; whoever calls asks to end his sessions in the same commit.

    Raises: Invalid for nobody, or an end that is past.
    """
    now = clock.now()
    if new.alias is None and new.member_id is None:
        raise Invalid("Say whom: mac, member_id or wifi_session_id.")
    if new.until is not None and new.until <= now:
        raise Invalid("See errors.", errors=[{"pointer": "/until", "detail": "This time is past."}])
    row = Ban(
        district_id=district_id,
        id=new_id(),
        alias=new.alias,
        member_id=new.member_id,
        reason=new.reason,
        created_at=now,
        until=new.until,
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, district_id: uuid.UUID, ban_id: uuid.UUID) -> Ban:
    """Raises: NotFound."""
    row = session.get(Ban, (district_id, ban_id))
    if row is None:
        raise NotFound("No such ban.")
    return row


def lift(session: Session, district_id: uuid.UUID, ban_id: uuid.UUID) -> None:
    """Let somebody in again. Raises: NotFound."""
    session.delete(get(session, district_id, ban_id))
    session.flush()


def check(
    session: Session, district_id: uuid.UUID, *, alias: bytes, member_id: uuid.UUID, now: datetime
) -> None:
    """Raises: Banned when the device or the member is kept out at this moment."""
    found = select(Ban.id).where(
        Ban.district_id == district_id,
        or_(Ban.alias == alias, Ban.member_id == member_id),
        or_(Ban.until.is_(None), Ban.until > now),
    )
    if session.scalar(found.limit(1)) is not None:
        raise Banned
