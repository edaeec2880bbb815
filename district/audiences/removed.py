"""What was removed on a page can be brought back for a while; then it is deleted for good (``privacy.jobs``).

Until then it bears a name that no rule can name, and its owner's own name for it is free again.
"""

import uuid
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.audiences import ownership
from district.audiences.models import ContactList, Segment, Tag
from district.audiences.ownership import ASIDE, SetOwner
from district.auth.service import Principal
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.problems import NotFound
from push.audience_terms import LabelKind

KEPT: Final = timedelta(minutes=15)


def put_aside(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    kind: LabelKind,
    name: str,
    *,
    clock: Clock,
) -> uuid.UUID:
    """Take it out of every list; it can be brought back by its id for a while. Raises: NotFound, SetInUse."""
    owner = ownership.owner_of(principal)
    ownership.lock_owner(session, district.id, owner)
    row = ownership.find(session, ownership.TABLES[kind], district.id, principal, name)
    ownership.check_unused(session, district.id, owner, kind, name)
    row.name = f"{ASIDE}{clock.machine_now().timestamp():.0f}{ASIDE}{row.id}{ASIDE}{name}"
    session.flush()
    return row.id


def bring_back(
    session: Session, district: DistrictInfo, principal: Principal, kind: LabelKind, row_id: uuid.UUID
) -> str:
    """Under its own name again. Raises: NotFound when it is deleted by now, NameTaken, TooManySets."""
    table: type[Any] = ownership.TABLES[kind]  # a union of tables has no common type that selects
    wanted = select(table).where(table.district_id == district.id, table.id == row_id).with_for_update()
    row: Tag | ContactList | Segment | None = session.scalar(wanted)
    if row is None or SetOwner.of(row) != ownership.owner_of(principal) or not row.name.startswith(ASIDE):
        raise NotFound("It cannot be brought back any more.")
    name = row.name.rpartition(ASIDE)[2]
    ownership.check_free(session, table, district.id, principal, name)
    row.name = name
    session.flush()
    return name
