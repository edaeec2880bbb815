"""From whom a provider names to a member: the same account is the same person, and never two."""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.members import service as members
from district.members.models import Member
from district.members.service import Recognition
from district.portal.choice import Choice, Identity
from district.portal.models import MemberIdentity


def recognise(
    session: Session, district: DistrictInfo, identity: Identity, choice: Choice, *, clock: Clock
) -> Recognition:
    """The member of a provider's account, or a new one.

    An account that is new here belongs to the member whose contact the provider has verified; else to the browser's
    member, unless that one is somebody already; else it starts a membership. Of two at once the later follows the
    earlier.
    """
    # Held until the commit, so that the same account twice at once is one member.
    session.execute(select(func.pg_advisory_xact_lock(_number_of(district, identity))))
    linked = _linked(session, district, identity)
    if linked is not None:
        linked.verified_at = clock.now()
        return Recognition(member=linked, is_new=False, is_proven=True)
    found = members.recognise(
        session,
        district,
        alias=None,
        contact=identity.contact,
        known=choice.known if _is_free(session, district, choice) else None,
        language=choice.language,
        clock=clock,
    )
    found.member.verified_at = clock.now()
    _link(session, district, identity, found.member, clock=clock)
    return found


def _number_of(district: DistrictInfo, identity: Identity) -> int:
    """The account as a number to lock."""
    named = b"\0".join((district.id.bytes, identity.provider_id.bytes, identity.subject.encode()))
    return int.from_bytes(hashlib.sha256(named).digest()[:8], signed=True)


def _linked(session: Session, district: DistrictInfo, identity: Identity) -> Member | None:
    row = session.get(MemberIdentity, (district.id, identity.provider_id, identity.subject))
    return members.find(session, district.id, row.member_id) if row else None


def _is_free(session: Session, district: DistrictInfo, choice: Choice) -> bool:
    """Whether the browser's member may still be anybody: on a shared device he is somebody else."""
    member = members.find(session, district.id, choice.known) if choice.known else None
    if member is None or member.phone is not None or member.email is not None:
        return False
    links = select(MemberIdentity.subject).where(
        MemberIdentity.district_id == district.id, MemberIdentity.member_id == member.id
    )
    return session.scalars(links.limit(1)).first() is None


def _link(
    session: Session, district: DistrictInfo, identity: Identity, member: Member, *, clock: Clock
) -> None:
    """From now on the account is this member; one whose membership was closed starts again."""
    values = {"member_id": member.id, "created_at": clock.now()}
    statement = insert(MemberIdentity).values(
        district_id=district.id, provider_id=identity.provider_id, subject=identity.subject, **values
    )
    session.execute(
        statement.on_conflict_do_update(index_elements=["district_id", "provider_id", "subject"], set_=values)
    )
