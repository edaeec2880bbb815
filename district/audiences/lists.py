"""Uploaded lists: a file of numbers and addresses becomes hashes, and the file is forgotten."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.audiences import ownership
from district.audiences.contacts import ListKey
from district.audiences.models import ContactList, ContactListEntry
from district.audiences.schemas import NewSet, RowFault, UploadOut
from district.auth.service import Principal
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.members import contacts
from district.members.consents import CHANNEL
from district.problems import Invalid
from push.audience_terms import LabelKind

MAX_FILE_BYTES: Final = 5 << 20
MAX_ROWS: Final = 20_000
MAX_FIELD: Final = 320
MAX_ISSUES: Final = 200
COLUMNS: Final = ("phone", "email")
_AT_ONCE: Final = 5_000


class Fault(StrEnum):
    """What can be wrong with a row."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    BAD_PHONE = "bad_phone"
    BAD_EMAIL = "bad_email"
    NOT_CSV = "not_csv"


_WORDS: Final = {
    Fault.EMPTY: ("has neither phone nor email; give one", "没有手机号也没有邮箱，请填写其一"),
    Fault.TOO_LONG: (f"has a field of more than {MAX_FIELD} characters; shorten it", "内容过长，请缩短"),
    Fault.BAD_PHONE: (
        "has no telephone number that exists; write it with its country code",
        "手机号无效，请带上国家代码填写",
    ),
    Fault.BAD_EMAIL: ("has no e-mail address; write it like name@example.com", "邮箱地址无效"),
    Fault.NOT_CSV: ("is not readable as CSV; check its quotes", "无法按 CSV 读取，请检查引号"),
}


@dataclass(kw_only=True)
class _Reading:
    """What was found so far."""

    rows: int = 0
    duplicates: int = 0
    rejected: int = 0
    hashes: set[bytes] = field(default_factory=set)
    issues: list[RowFault] = field(default_factory=list)

    def reject(self, row: int, fault: Fault) -> None:
        self.rejected += 1
        if len(self.issues) < MAX_ISSUES:
            english, chinese = _WORDS[fault]
            self.issues.append(RowFault(row=row, code=fault.value, detail=english, detail_zh=chinese))

    def take(self, found: set[bytes]) -> None:
        if found <= self.hashes:
            self.duplicates += 1
        self.hashes |= found


def create(
    session: Session, district: DistrictInfo, principal: Principal, new: NewSet, *, clock: Clock
) -> ContactList:
    """Make a list to which nothing was uploaded yet. Raises: NameTaken, TooManySets."""
    ownership.check_free(session, ContactList, district.id, principal, new.name)
    owner = ownership.owner_of(principal)
    row = ContactList(
        district_id=district.id,
        id=new_id(),
        merchant_id=owner.merchant_id,
        property_id=owner.property_id,
        name=new.name,
        title=new.title,
        entries=0,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def remove(session: Session, district: DistrictInfo, principal: Principal, name: str) -> None:
    """The list and all that is kept of it. Raises: NotFound, SetInUse."""
    owner = ownership.owner_of(principal)
    ownership.lock_owner(session, district.id, owner)
    row = ownership.find(session, ContactList, district.id, principal, name)
    ownership.check_unused(session, district.id, owner, LabelKind.LIST, name)
    session.delete(row)
    session.flush()


def upload(
    session: Session, district: DistrictInfo, principal: Principal, name: str, content: bytes, *, clock: Clock
) -> UploadOut:
    """Replace what the list holds by a file's rows; a bad row is said and left out.

    Raises: NotFound, Invalid for a file that is no CSV of ours or has no good row.
    """
    row = ownership.find(session, ContactList, district.id, principal, name)
    reading = _read(content, district)
    if not reading.hashes:
        raise Invalid(
            "The file has no row that can be used; what the list held stays.",
            detail_zh="文件中没有可用的行，名单保持不变。",
            errors=[
                {"pointer": f"/{one.row}", "detail": one.detail, "detail_zh": one.detail_zh}
                for one in reading.issues[:20]
            ],
        )
    own = ContactListEntry.district_id == district.id, ContactListEntry.list_id == row.id
    session.execute(delete(ContactListEntry).where(*own))
    hashes = sorted(reading.hashes)
    for start in range(0, len(hashes), _AT_ONCE):
        values = [
            {"district_id": district.id, "list_id": row.id, "contact_hash": one}
            for one in hashes[start : start + _AT_ONCE]
        ]
        session.execute(insert(ContactListEntry), values)
    row.entries, row.uploaded_at = len(hashes), clock.now()
    session.flush()
    notify(session, CHANNEL, str(district.id))
    accepted = reading.rows - reading.rejected - reading.duplicates
    return UploadOut(
        rows=reading.rows,
        accepted=accepted,
        duplicates=reading.duplicates,
        rejected=reading.rejected,
        issues=reading.issues,
    )


def _read(content: bytes, district: DistrictInfo) -> _Reading:
    key, reading = ListKey.of(district), _Reading()
    for number, fields in _rows(content):
        reading.rows += 1
        if reading.rows > MAX_ROWS:
            raise Invalid(f"A list has at most {MAX_ROWS} rows: split the file.")
        found = _contacts(fields, district.country)
        if isinstance(found, Fault):
            reading.reject(number, found)
        else:
            reading.take({key.hash(one) for one in found})
    return reading


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Each line with its fields by column; None where the line cannot be read."""
    try:
        lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError:
        raise Invalid("The file is not UTF-8: save it as CSV UTF-8.") from None
    reader = csv.reader(lines, strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
    except csv.Error:
        header = []
    if not set(header) & set(COLUMNS) or len(set(header)) != len(header):
        raise Invalid(
            f"The first line names the columns: {', '.join(COLUMNS)}.",
            detail_zh="首行须为列名：phone、email。",
        )
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, None
            continue
        if any(cell.strip() for cell in cells):
            yield reader.line_num, dict(zip(header, cells, strict=False))


def _contacts(fields: dict[str, str] | None, country: str) -> list[str] | Fault:
    """The one form of each contact of a row."""
    if fields is None:
        return Fault.NOT_CSV
    phone, email = (fields.get(column, "").strip() for column in COLUMNS)
    if max(len(phone), len(email)) > MAX_FIELD:
        return Fault.TOO_LONG
    found = []
    try:
        if phone:
            found.append(contacts.phone(phone, country=country).value)
    except Invalid:
        return Fault.BAD_PHONE
    try:
        if email:
            found.append(contacts.email(email).value)
    except Invalid:
        return Fault.BAD_EMAIL
    return found or Fault.EMPTY
