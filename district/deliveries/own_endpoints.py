"""Browsers and telephones that members let us ring by themselves: a few of each for a member, one owner for each address."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.channels.models import EndpointState, MemberEndpoint
from district.clock import Clock
from district.database import notify
from district.districts.service import DistrictInfo
from district.members import consents
from district.members.ledger import Evidence
from district.members.models import Member
from district.problems import Invalid, NotFound
from push.consent import Channel, Purpose

MOST: Final = 10
"""Of one member by one channel; the one that was not seen for longest makes room."""
LONGEST_AGENT: Final = 200


def hash_of(address: str) -> bytes:
    """By which an address is found."""
    return hashlib.sha256(address.encode()).digest()


def at(district_id: uuid.UUID, channel: Channel, address: str) -> Select[MemberEndpoint]:
    """Whoever has this address."""
    return select(MemberEndpoint).where(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.channel == channel,
        MemberEndpoint.address_hash == hash_of(address),
    )


def _of(district_id: uuid.UUID, member_id: uuid.UUID, channel: Channel) -> Select[MemberEndpoint]:
    return select(MemberEndpoint).where(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.member_id == member_id,
        MemberEndpoint.channel == channel,
    )


def listed(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, channel: Channel
) -> Sequence[MemberEndpoint]:
    """The member's own, the one seen last first."""
    newest_first = (MemberEndpoint.seen_at.desc(), MemberEndpoint.id.desc())
    return session.scalars(_of(district_id, member_id, channel).order_by(*newest_first)).all()


def told(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Let who decides over offers know by which channels the member is reached now."""
    notify(session, consents.CHANNEL, f"{district_id}:{member_id}")


def settle(session: Session, district_id: uuid.UUID, member_id: uuid.UUID, channel: Channel) -> None:
    """Make room for what was added, and tell of it."""
    session.flush()
    told(session, district_id, member_id)
    for row in listed(session, district_id, member_id, channel)[MOST:]:
        session.delete(row)
    session.flush()


def forget(
    session: Session,
    district: DistrictInfo,
    member: Member,
    endpoint_id: uuid.UUID,
    channel: Channel,
    *,
    clock: Clock,
    evidence: Evidence,
) -> None:
    """Forget one; with the last one, the consent to this channel is taken back. Raises: NotFound."""
    row = session.scalar(_of(district.id, member.id, channel).where(MemberEndpoint.id == endpoint_id))
    if row is None:
        raise NotFound("You have no such browser or telephone here.")
    session.delete(row)
    session.flush()
    told(session, district.id, member.id)
    if any(one.state != EndpointState.GONE for one in listed(session, district.id, member.id, channel)):
        return
    consents.decide(
        session,
        district,
        member,
        purpose=Purpose.MARKETING,
        channel=channel,
        granted=False,
        language=member.language,
        action="api",
        source="me",
        at=clock.now(),
        evidence=evidence,
    )


def invalid(pointer: str, detail: str) -> Invalid:
    """One wrong member of a request."""
    return Invalid("See errors.", errors=[{"pointer": pointer, "detail": detail}])
