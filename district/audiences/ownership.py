"""Whose tags, lists and segments a caller works with, and where they are used."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from district.audiences.models import ContactList, Segment, Tag
from district.auth.models import Role
from district.auth.service import Principal
from district.problems import Conflict, NotAllowed, NotFound
from push.audience_terms import LabelKind

Owned = TypeVar("Owned", bound=Tag | ContactList | Segment)
ASIDE = "~"
"""With this begins the name of what was removed and may be brought back; no rule can name it."""
MOST_OWNED = 500
"""Rows of one kind that an owner may have."""
TABLES: dict[LabelKind, type[Tag] | type[ContactList] | type[Segment]] = {
    LabelKind.TAG: Tag,
    LabelKind.LIST: ContactList,
    LabelKind.SEGMENT: Segment,
}
_PATHS = {
    LabelKind.SEGMENT: "$.**.seg ? (@ == $name)",
    LabelKind.TAG: '$.** ? (@.attr == "tag" && @.value == $name)',
    LabelKind.LIST: '$.** ? (@.attr == "list" && @.value == $name)',
}
# Campaigns stand above this slice; of them it only asks which ones name a set.
_USES_SQL = """
SELECT 'campaign', id, name FROM campaign
WHERE district_id = :district_id AND merchant_id IS NOT DISTINCT FROM CAST(:merchant_id AS uuid)
  AND property_id IS NOT DISTINCT FROM CAST(:property_id AS uuid) AND state NOT IN ('ended', 'cancelled')
  AND jsonb_path_exists(rule -> 'who', CAST(:path AS jsonpath), :vars)
UNION ALL
SELECT 'segment', id, name FROM segment
WHERE district_id = :district_id AND merchant_id IS NOT DISTINCT FROM CAST(:merchant_id AS uuid)
  AND property_id IS NOT DISTINCT FROM CAST(:property_id AS uuid) AND left(name, 1) <> '~'
  AND jsonb_path_exists(rule, CAST(:path AS jsonpath), :vars)
ORDER BY 1, 2 LIMIT 20
"""


class SetInUse(Conflict):
    """A tag, list or segment that rules name."""

    slug, title = "audience-set-in-use", "Rules name this tag, list or segment"


class NameTaken(Conflict):
    """A name that the owner has given already."""

    slug, title = "name-taken", "This name is taken"


class TooManySets(Conflict):
    """An owner with as many as one may have."""

    slug, title = "too-many-sets", "There are too many of these already"


@dataclass(frozen=True, kw_only=True)
class SetOwner:
    """Whose sets: a merchant's or a property's; with neither, the district's own."""

    merchant_id: uuid.UUID | None = None
    property_id: uuid.UUID | None = None

    @classmethod
    def of(cls, row: Tag | ContactList | Segment) -> Self:
        """Whose a set is."""
        return cls(merchant_id=row.merchant_id, property_id=row.property_id)

    @property
    def id(self) -> uuid.UUID | None:
        """The merchant's or the property's."""
        return self.merchant_id or self.property_id

    def has(self, table: type[Owned]) -> tuple[ColumnElement[bool], ...]:
        """The conditions on a row that it is this owner's."""
        return (
            table.merchant_id.is_not_distinct_from(self.merchant_id),
            table.property_id.is_not_distinct_from(self.property_id),
        )


def owner_of(principal: Principal) -> SetOwner:
    """Whose sets the caller works with. Raises: NotAllowed."""
    if principal.role is Role.OPERATOR:
        return SetOwner()
    if principal.role is Role.MERCHANT and principal.merchant_id is not None:
        return SetOwner(merchant_id=principal.merchant_id)
    if principal.role is Role.PROPERTY and principal.scope_id is not None:
        return SetOwner(property_id=principal.scope_id)
    raise NotAllowed("Only a merchant, a property or the district's operator has tags, lists and segments.")


def owned(table: type[Owned], district_id: uuid.UUID, owner: SetOwner) -> Select[Owned]:
    """The rows of an owner, but for those that were removed."""
    return select(table).where(
        table.district_id == district_id, *owner.has(table), table.name.not_like(f"{ASIDE}%")
    )


def find(
    session: Session, table: type[Owned], district_id: uuid.UUID, principal: Principal, name: str
) -> Owned:
    """The caller's row of this name, locked. Raises: NotFound, also for another owner's."""
    wanted = owned(table, district_id, owner_of(principal)).where(table.name == name).with_for_update()
    row = session.scalar(wanted)
    if row is None:
        raise NotFound("There is nothing of this name among yours.")
    return row


def lock_owner(session: Session, district_id: uuid.UUID, owner: SetOwner) -> None:
    """One change of an owner's sets at a time, until the end of the transaction."""
    statement = "SELECT pg_advisory_xact_lock(hashtextextended('audience:' || :district || :owner, 0))"
    session.execute(text(statement), {"district": str(district_id), "owner": str(owner.id)})


def check_free(
    session: Session, table: type[Owned], district_id: uuid.UUID, principal: Principal, name: str
) -> None:
    """Lock the owner's sets and see that one more of this name may be made. Raises: NameTaken, TooManySets."""
    owner = owner_of(principal)
    lock_owner(session, district_id, owner)
    rows: Sequence[Owned] = session.scalars(owned(table, district_id, owner).limit(MOST_OWNED)).all()
    if any(row.name == name for row in rows):
        raise NameTaken(
            f"You have a {table.__tablename__.replace('_', ' ')} named {name!r} already: choose another name."
        )
    if len(rows) >= MOST_OWNED:
        raise TooManySets(f"One owner has at most {MOST_OWNED} of them: delete some first.")


@dataclass(frozen=True, kw_only=True)
class Use:
    """A campaign that has not ended, or a segment, whose rule names a set."""

    kind: str
    id: uuid.UUID
    name: str


def uses(session: Session, district_id: uuid.UUID, owner: SetOwner, kind: LabelKind, name: str) -> list[Use]:
    """What names the set, twenty at most."""
    values = {
        "district_id": district_id,
        "merchant_id": owner.merchant_id,
        "property_id": owner.property_id,
        "path": _PATHS[kind],
        "vars": {"name": name},
    }
    statement = text(_USES_SQL).bindparams(bindparam("vars", type_=JSONB))
    return [Use(kind=row[0], id=row[1], name=row[2]) for row in session.execute(statement, values)]


def check_unused(
    session: Session, district_id: uuid.UUID, owner: SetOwner, kind: LabelKind, name: str
) -> None:
    """See that no rule names the set. Raises: SetInUse, with those that do."""
    found = uses(session, district_id, owner, kind, name)
    if found:
        raise SetInUse(
            "Campaigns that have not ended, or segments, name it: end or change these first. "
            + ", ".join(f"{use.kind} {use.name}" for use in found[:3]),
            uses=[{"kind": use.kind, "id": str(use.id), "name": use.name} for use in found],
            detail_zh="有未结束的营销活动或目标人群在使用，请先结束或修改："
            + "、".join(use.name for use in found[:3]),
        )
