"""To whom data of a district's members go: the list that comes with the product until an operator writes his own."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.members.models import RecipientList
from district.members.terms import RECIPIENTS, Recipient
from district.problems import Conflict, NotFound


@dataclass(frozen=True, kw_only=True)
class Recipients:
    """One version of a district's list."""

    version: int
    """0: the list that comes with the product."""
    recipients: tuple[Recipient, ...]
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def hash(self) -> bytes:
        """SHA-256 of the list as JSON."""
        return hash_of(self.recipients)


USUAL = Recipients(version=0, recipients=RECIPIENTS)


def hash_of(recipients: Sequence[Recipient]) -> bytes:
    """The same for equal lists."""
    text = json.dumps([asdict(one) for one in recipients], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).digest()


def version_of(session: Session, district_id: uuid.UUID) -> int:
    """The version that stands now."""
    newest = select(func.max(RecipientList.version)).where(RecipientList.district_id == district_id)
    return session.scalar(newest) or 0


def current(session: Session, district_id: uuid.UUID) -> Recipients:
    """The list that stands now."""
    return find(session, district_id, version_of(session, district_id))


def find(session: Session, district_id: uuid.UUID, version: int) -> Recipients:
    """A version, for whoever agreed while it stood. Raises: NotFound."""
    if version == 0:
        return USUAL
    row = session.get(RecipientList, (district_id, version))
    if row is None:
        raise NotFound("There was no such version of the recipients.")
    return Recipients(
        version=row.version,
        recipients=tuple(Recipient(**one) for one in row.recipients),
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def replace(
    session: Session,
    district: DistrictInfo,
    recipients: Sequence[Recipient],
    *,
    after: int,
    by: str,
    clock: Clock,
) -> Recipients:
    """Put a new version after the one that its writer saw; the same words again add nothing.

    Raises: Conflict when somebody else has written one meanwhile.
    """
    session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(district.id.bytes[:8], signed=True))))
    standing = current(session, district.id)
    if standing.version != after:
        raise Conflict(
            "Somebody has changed the list meanwhile: read it again, then change it.",
            detail_zh="名单已被他人修改，请重新查看后再修改。",
        )
    if hash_of(recipients) == standing.hash:
        return standing
    session.add(
        RecipientList(
            district_id=district.id,
            version=standing.version + 1,
            recipients=[asdict(one) for one in recipients],
            hash=hash_of(recipients),
            changed_at=clock.now(),
            changed_by=by,
        )
    )
    session.flush()
    return current(session, district.id)
