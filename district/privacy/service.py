"""Ending what is kept of a person, in every slice, in one commit."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.audiences.contacts import ListKey
from district.auth.models import Role
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.gateways.endings import ERASED
from district.members import service as members
from district.members.models import Member
from district.points import leaving as points
from district.privacy import tombstones
from district.privacy.export import memberships
from district.privacy.queries import ERASE
from district.radius import ending


def erase(session: Session, district: DistrictInfo, member: Member, *, clock: Clock) -> None:
    """Close an account. Contacts, devices, inbox, positions and unsent messages go; open offers are void; sessions end.

    Counts of visits and refusals stay, under a stranger's name; redeemed offers stay for the merchant's books; the
    access log of the Wi-Fi stays until its own time is over, as the law wants it. What was merged into the membership
    goes with it.
    """
    for member_id in memberships(session, district.id, member.id):
        found = session.get(Member, (district.id, member_id))
        if found is not None:
            _erase(session, district, found, clock=clock)


def _erase(session: Session, district: DistrictInfo, member: Member, *, clock: Clock) -> None:
    key = ListKey.of(district)
    values = {
        "district_id": district.id,
        "member_id": member.id,
        "phone": member.phone,
        "email": member.email,
        "stranger": new_id(),
        "principal": f"{Role.SHOPPER}:{member.id}",
        "now": clock.now(),
        "contact_hashes": [key.hash(contact) for contact in (member.phone, member.email) if contact],
    }
    ending.end_all(session, district.id, reason=ERASED, clock=clock, member_id=member.id)
    for statement in ERASE:
        session.execute(text(statement), values)
    points.forfeit(session, district.id, member.id, now=clock.now())
    members.erase(session, district, member, clock=clock)
    tombstones.leave(session, district, member.id, at=clock.now())
