"""Tags: words that merchants, properties and operators give to members whom they can name."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.audiences import ownership
from district.audiences.models import MemberTag, Tag
from district.audiences.ownership import SetOwner
from district.audiences.schemas import NewSet, Someone, Tagging, TaggingOut, TagOut
from district.auth.service import Principal
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.members.consents import CHANNEL
from push.audience_terms import LabelKind

# A merchant names whoever redeemed at his tills, a property whoever redeemed an offer of its own; an operator whomever
# there is.
_NAMED_SQL = """
SELECT redemption.id, offer.member_id
FROM redemption
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
JOIN member ON member.district_id = offer.district_id AND member.id = offer.member_id AND member.state = 'active'
WHERE redemption.district_id = :district_id AND redemption.id = ANY(:redemptions)
  AND (CAST(:merchant_id AS uuid) IS NULL OR store.merchant_id = CAST(:merchant_id AS uuid))
  AND (CAST(:property_id AS uuid) IS NULL OR campaign.property_id = CAST(:property_id AS uuid))
UNION ALL
SELECT id, id FROM member
WHERE district_id = :district_id AND id = ANY(:members) AND state = 'active'
  AND CAST(:merchant_id AS uuid) IS NULL AND CAST(:property_id AS uuid) IS NULL
"""


def create(
    session: Session, district: DistrictInfo, principal: Principal, new: NewSet, *, clock: Clock
) -> TagOut:
    """Make a tag. Raises: NameTaken, TooManySets."""
    ownership.check_free(session, Tag, district.id, principal, new.name)
    owner = ownership.owner_of(principal)
    row = Tag(
        district_id=district.id,
        id=new_id(),
        merchant_id=owner.merchant_id,
        property_id=owner.property_id,
        name=new.name,
        title=new.title,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return shown(session, [row])[0]


def remove(session: Session, district: DistrictInfo, principal: Principal, name: str) -> None:
    """Raises: NotFound, SetInUse."""
    owner = ownership.owner_of(principal)
    ownership.lock_owner(session, district.id, owner)
    row = ownership.find(session, Tag, district.id, principal, name)
    ownership.check_unused(session, district.id, owner, LabelKind.TAG, name)
    session.delete(row)
    session.flush()


def give(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    name: str,
    wanted: Tagging,
    *,
    clock: Clock,
) -> TaggingOut:
    """Give the tag to some and take it from others; who cannot be named is said. Raises: NotFound."""
    row = ownership.find(session, Tag, district.id, principal, name)
    found = _named(session, district.id, ownership.owner_of(principal), [*wanted.add, *wanted.remove])
    to_add = {found[one] for one in map(_key, wanted.add) if one in found}
    to_remove = {found[one] for one in map(_key, wanted.remove) if one in found}
    added = _add(session, row, sorted(to_add - to_remove), clock)
    taken = delete(MemberTag).where(
        MemberTag.district_id == district.id, MemberTag.tag_id == row.id, MemberTag.member_id.in_(to_remove)
    )
    removed = session.execute(taken.returning(MemberTag.member_id)).all()
    for member_id in sorted(to_add | to_remove):
        notify(session, CHANNEL, f"{district.id}:{member_id}")
    unknown = [
        f"/{part}/{index}"
        for part, every in (("add", wanted.add), ("remove", wanted.remove))
        for index, one in enumerate(every)
        if _key(one) not in found
    ]
    return TaggingOut(added=added, removed=len(removed), unknown=unknown)


def _add(session: Session, row: Tag, member_ids: Sequence[uuid.UUID], clock: Clock) -> int:
    if not member_ids:
        return 0
    values = [
        {"district_id": row.district_id, "tag_id": row.id, "member_id": one, "at": clock.now()}
        for one in member_ids
    ]
    statement = insert(MemberTag).values(values).on_conflict_do_nothing().returning(MemberTag.member_id)
    return len(session.execute(statement).all())


def _key(one: Someone) -> uuid.UUID | None:
    """By what somebody is named; two names at once are none."""
    given = [name for name in (one.redemption_id, one.member_id) if name is not None]
    return given[0] if len(given) == 1 else None


def _named(
    session: Session, district_id: uuid.UUID, owner: SetOwner, every: Sequence[Someone]
) -> dict[uuid.UUID | None, uuid.UUID]:
    values = {
        "district_id": district_id,
        "merchant_id": owner.merchant_id,
        "property_id": owner.property_id,
        "redemptions": [one.redemption_id for one in every if one.redemption_id and not one.member_id],
        "members": [one.member_id for one in every if one.member_id and not one.redemption_id],
    }
    return {row[0]: row[1] for row in session.execute(text(_NAMED_SQL), values)}


def shown(session: Session, rows: Sequence[Tag]) -> list[TagOut]:
    """Tags with how many they were given to."""
    if not rows:
        return []
    counted = (
        select(MemberTag.tag_id, func.count())
        .where(MemberTag.district_id == rows[0].district_id, MemberTag.tag_id.in_([row.id for row in rows]))
        .group_by(MemberTag.tag_id)
    )
    counts = {row[0]: row[1] for row in session.execute(counted)}
    return [
        TagOut(
            id=row.id,
            name=row.name,
            title=row.title,
            members=counts.get(row.id, 0),
            created_at=row.created_at,
        )
        for row in rows
    ]
