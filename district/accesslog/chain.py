"""The chain of the access log: what a record's hash covers, and what is wrong with a chain that was touched."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

GENESIS = bytes(32)
"""What stands before the first record of a district."""


class AccessEvent(StrEnum):
    """What a record tells."""

    ON = "on"
    ADDRESS = "address"
    OFF = "off"
    READ = "read"
    IMPORT = "import"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRecord:
    """An event that is to be written."""

    at: datetime
    event: AccessEvent
    session: str
    member_id: uuid.UUID | None = None
    identity: str = ""
    method: str = ""
    mac: str = ""
    inner_address: str = ""
    outer_address: str = ""
    outer_ports: str = ""
    nas: str = ""
    access_point_mac: str = ""
    detail: str = ""


FIELDS = (
    "at",
    "event",
    "session",
    "member_id",
    "identity",
    "method",
    "mac",
    "inner_address",
    "outer_address",
    "outer_ports",
    "nas",
    "access_point_mac",
    "detail",
)
"""What is hashed, in this order, after the district and the number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chained:
    """A record with its place in the chain."""

    number: int
    values: tuple[Any, ...]
    """In the order of ``FIELDS``."""
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """The first place at which a chain is not what was written."""

    number: int
    what: str


def hash_of(previous: bytes, district_id: uuid.UUID, number: int, values: Sequence[Any]) -> bytes:
    """SHA-256 over the previous hash and the record as a JSON array in ASCII, without blanks.

    Times are UTC with six digits of microseconds and a Z, an absent member is the empty string.
    """
    shown = [str(district_id), number, *map(_canonical, values)]
    text = json.dumps(shown, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode("ascii")).digest()


def _canonical(value: Any) -> str:
    if isinstance(value, datetime):
        return instant(value)
    return "" if value is None else str(value)


def instant(at: datetime) -> str:
    """A time as the log writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chained(
    records: Iterable[NewRecord], district_id: uuid.UUID, *, number: int, last_hash: bytes
) -> list[Chained]:
    """The records as they follow record ``number``."""
    made: list[Chained] = []
    for record in records:
        number += 1
        values = tuple(getattr(record, name) for name in FIELDS)
        found = hash_of(last_hash, district_id, number, values)
        made.append(Chained(number=number, values=values, previous_hash=last_hash, hash=found))
        last_hash = found
    return made


def faults(
    rows: Iterable[Chained], district_id: uuid.UUID, *, first: int, before: bytes
) -> Iterator[Fault | Chained]:
    """Each row that follows the one before it, up to the first that does not: that fault ends the walk."""
    expected, last_hash = first, before
    for row in rows:
        if row.number < expected:
            yield Fault(number=row.number, what="inserted")
            return
        if row.number > expected:
            yield Fault(number=expected, what="missing")
            return
        if row.previous_hash != last_hash:
            yield Fault(number=row.number, what="does not follow the record before it")
            return
        if hash_of(last_hash, district_id, row.number, row.values) != row.hash:
            yield Fault(number=row.number, what="changed")
            return
        yield row
        expected, last_hash = row.number + 1, row.hash
