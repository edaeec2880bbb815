"""Recorded fixes as columns, and whose they are: a member's, else a device's."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Number = TypeVar("Number", np.uint64, np.int64)

HEADER_BYTES, TRAILER_BYTES = 19, 2
EPOCH_2000_MS = 946_684_800_000
NOBODY = uuid.UUID(int=0)
_ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("member_size", ">i4"),
        ("member", "V16"),
        ("device_size", ">i4"),
        ("device", "V16"),
        ("at_size", ">i4"),
        ("at_us", ">i8"),
        ("lon_size", ">i4"),
        ("lon", ">f8"),
        ("lat_size", ">i4"),
        ("lat", ">f8"),
        ("accuracy_size", ">i4"),
        ("accuracy_m", ">f4"),
        ("floor_size", ">i4"),
        ("floor", ">i4"),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who was there: a member, or a device of nobody known."""

    member_id: uuid.UUID | None = None
    device: bytes | None = None

    @property
    def key(self) -> str:
        """Stable text of the person."""
        return f"m{self.member_id.hex}" if self.member_id else f"d{(self.device or b'').hex()}"


@dataclass(frozen=True, kw_only=True)
class Fixes:
    """n fixes: ``person`` is a place in ``people``; the rest (n,) too."""

    people: list[Person]
    person: Integers
    at_ms: Integers
    lon: Floats
    lat: Floats
    accuracy_m: Floats
    floor: Integers
    owners: Mapping[bytes, uuid.UUID] = field(default_factory=dict)
    """The member of each device that was seen with one: its fixes from before he was known are his as well."""

    def __len__(self) -> int:
        return self.person.size


def of_copy(data: bytes) -> Fixes:
    """What ``FIXES_SQL`` gives, as PostgreSQL's binary COPY puts it."""
    body = data[HEADER_BYTES : len(data) - TRAILER_BYTES]
    rows = np.frombuffer(body, dtype=_ROW)
    members, devices = _words(rows["member"]), _words(rows["device"])
    device_words, device = distinct(devices)
    owner = np.zeros((len(device_words), 2), np.uint64)
    named: Flags = np.asarray(members.any(axis=1))
    by_time = np.argsort(rows["at_us"][named], kind="stable")
    owner[device[named][by_time]] = members[named][by_time]
    members = np.where(named[:, None], members, owner[device])
    is_member: Flags = np.asarray(members.any(axis=1))
    keys = np.column_stack((is_member.astype(np.uint64), np.where(is_member[:, None], members, devices)))
    people, person = distinct(keys)
    owned: Flags = np.asarray(owner.any(axis=1))
    return Fixes(
        people=[_person(key) for key in people],
        person=person,
        at_ms=rows["at_us"].astype(np.int64) // 1000 + EPOCH_2000_MS,
        lon=rows["lon"].astype(np.float64),
        lat=rows["lat"].astype(np.float64),
        accuracy_m=rows["accuracy_m"].astype(np.float64),
        floor=rows["floor"].astype(np.int64),
        owners={
            words.tobytes(): uuid.UUID(bytes=whose.tobytes())
            for words, whose in zip(device_words[owned], owner[owned], strict=True)
        },
    )


def distinct(rows: npt.NDArray[Number]) -> tuple[npt.NDArray[Number], Integers]:
    """The different rows of an (n, k) table, in order, and (n,) which of them each row is.

    What ``np.unique(axis=0)`` gives, twenty times as fast: it sorts rows as opaque bytes.
    """
    order = np.lexsort(rows.T[::-1])
    in_order = rows[order]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (in_order[1:] != in_order[:-1]).any(axis=1)
    number = np.empty(len(rows), np.int64)
    number[order] = np.cumsum(begins) - 1
    return in_order[begins], number


def _words(sixteen: npt.NDArray[np.void]) -> Words:
    return np.frombuffer(sixteen.tobytes(), np.uint64).reshape(-1, 2)


def _person(key: Words) -> Person:
    sixteen = key[1:].tobytes()
    return Person(member_id=uuid.UUID(bytes=sixteen)) if key[0] else Person(device=sixteen)
