"""Numbers and e-mail addresses from which messages come back: when one gets nothing more, who they are, and a way back."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, func, select, text
from sqlalchemy.orm import Session

from district.channels import queries
from district.channels.addresses import CONTACTS
from district.channels.models import EndpointState, MemberEndpoint
from district.database import new_id
from district.problems import NotFound
from push.consent import Channel

MOST_FAILURES: Final = 5
"""On so many days a message may come back for the time being (mailbox full, server away) before no more is sent."""
COUNTED_EVERY: Final = timedelta(hours=20)
FORGOTTEN_AFTER: Final = timedelta(days=30)
MOST_REASON: Final = 200


@dataclass(frozen=True, kw_only=True)
class Returned:
    """A message that came back. digest is the start of the SHA-256 of where it went; at is machine time."""

    member_id: uuid.UUID
    channel: Channel
    digest: bytes
    is_gone: bool
    reason: str
    at: datetime


def came_back(session: Session, district_id: uuid.UUID, returned: Returned) -> None:
    """Hold it against the address, unless the member has another one by now."""
    values = {
        "district_id": district_id,
        "id": new_id(),
        "member_id": returned.member_id,
        "channel": returned.channel.value,
        "digest": returned.digest,
        "is_gone": returned.is_gone,
        "reason": returned.reason[:MOST_REASON],
        "at": returned.at,
        "most": MOST_FAILURES,
        "counted_every": COUNTED_EVERY,
        "forgotten_after": FORGOTTEN_AFTER,
    }
    session.execute(text(queries.CAME_BACK_SQL), values)


def arrived(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, channel: Channel, *, digest: bytes
) -> None:
    """Forget the days on which messages came back from an address that has taken one; who gets nothing is left alone."""
    suspect = (
        kept(district_id),
        MemberEndpoint.member_id == member_id,
        MemberEndpoint.channel == channel.value,
        MemberEndpoint.state == EndpointState.SUSPECT,
        func.substr(MemberEndpoint.address_hash, 1, len(digest)) == digest,
    )
    session.execute(delete(MemberEndpoint).where(*suspect))


def kept(district_id: uuid.UUID) -> ColumnElement[bool]:
    """Which rows are numbers and e-mail addresses that messages came back from."""
    return and_(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.channel.in_([one.value for one in CONTACTS]),
    )


def listed(
    session: Session,
    district_id: uuid.UUID,
    *,
    address: str = "",
    before: uuid.UUID | None = None,
    limit: int,
) -> Sequence[MemberEndpoint]:
    """The newest first; with an address only that one."""
    wanted = select(MemberEndpoint).where(kept(district_id))
    if address:
        wanted = wanted.where(MemberEndpoint.address_hash == hashlib.sha256(address.encode()).digest())
    if before is not None:
        wanted = wanted.where(MemberEndpoint.id < before)
    return session.scalars(wanted.order_by(MemberEndpoint.id.desc()).limit(limit)).all()


def counted(session: Session, district_id: uuid.UUID) -> int:
    """How many get nothing."""
    gone = MemberEndpoint.state == EndpointState.GONE
    return session.scalar(select(func.count()).where(kept(district_id), gone)) or 0


def remove(session: Session, district_id: uuid.UUID, endpoint_id: uuid.UUID) -> None:
    """Forget that messages came back: the next one is sent. Raises: NotFound."""
    gone = delete(MemberEndpoint).where(kept(district_id), MemberEndpoint.id == endpoint_id)
    if not session.execute(gone.returning(MemberEndpoint.id)).first():
        raise NotFound("No message came back from such an address.", detail_zh="没有退回记录对应此地址。")
