"""Raw rows in PostgreSQL's binary COPY form, made of whole columns at once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from district.sightings.batch import Columns, Integers, RowFlag, microseconds

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_EPOCH_2000_US = 946_684_800_000_000
_DAY_MS = 86_400_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NIL = bytes(16)
Field = tuple[str, str | tuple[str, int], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RawRows:
    """The rows of one message that are to be kept, with their members."""

    district_id: uuid.UUID
    feed_id: uuid.UUID
    received_at: datetime
    columns: Columns
    member: npt.NDArray[np.void]
    keep: Integers


def copy_bytes(messages: Sequence[RawRows]) -> bytes:
    """The COPY stream of these rows, in the order of the staging table's columns."""
    return b"".join([HEADER, *(piece for rows in messages for piece in _pieces(rows)), TRAILER])


def days_of(messages: Sequence[RawRows]) -> frozenset[date]:
    """The days (UTC) of the rows that are to be kept."""
    found = {
        number for rows in messages for number in np.unique(rows.columns.at_ms[rows.keep] // _DAY_MS).tolist()
    }
    return frozenset(date.fromordinal(_EPOCH_DAY + number) for number in found)


def _pieces(rows: RawRows) -> list[bytes]:
    """Rows whose texts have equal lengths make one fixed-width table; there are few such groups in a message."""
    source_id = list(rows.columns.source_id)
    names = [source_id[row].encode() for row in rows.keep.tolist()]
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    kinds = lengths << 16 | (rows.columns.floor[rows.keep].astype(np.int64) + 1)
    pieces: list[bytes] = []
    for kind in np.unique(kinds).tolist():
        chosen = np.flatnonzero(kinds == kind)
        floor_number = (kind & 0xFFFF) - 1
        floor = rows.columns.floors[floor_number].encode() if floor_number >= 0 else b""
        pieces.append(_table(rows, rows.keep[chosen], [names[row] for row in chosen.tolist()], floor))
    return pieces


def _table(rows: RawRows, chosen: Integers, names: list[bytes], floor: bytes) -> bytes:
    columns = rows.columns
    table = np.zeros(len(chosen), _layout(len(floor), len(names[0])))
    for name, size in _sizes(len(floor), len(names[0])):
        table[f"{name}_size"] = size
    table["fields"] = len(_fields(0, 1))
    table["district_id"] = np.void(rows.district_id.bytes)
    table["feed_id"] = np.void(rows.feed_id.bytes)
    table["at"] = columns.at_ms[chosen] * 1000 - _EPOCH_2000_US
    table["device"] = columns.device[chosen]
    table["member_id"] = rows.member[chosen]
    table["lon"] = columns.lon[chosen]
    table["lat"] = columns.lat[chosen]
    table["accuracy_m"] = columns.accuracy_m[chosen]
    if floor:
        table["floor"] = np.void(floor)
    points = np.frombuffer(b"".join([*columns.access_points, _NIL]), "V16")
    table["access_point_id"] = points[columns.access_point[chosen]]
    table["rssi_dbm"] = columns.rssi_dbm[chosen]
    table["received_at"] = microseconds(rows.received_at) - _EPOCH_2000_US
    table["late"] = (columns.flags[chosen] & RowFlag.LATE) != 0
    table["source_id"] = np.frombuffer(b"".join(names), f"V{len(names[0])}")
    return table.tobytes()


def _fields(floor_size: int, name_size: int) -> list[tuple[str, str, int]]:
    """Name, numpy type and size of each column of the staging table, in order."""
    return [
        ("district_id", "V16", 16),
        ("feed_id", "V16", 16),
        ("at", ">i8", 8),
        ("device", "V16", 16),
        ("member_id", "V16", 16),
        ("lon", ">f8", 8),
        ("lat", ">f8", 8),
        ("accuracy_m", ">f4", 4),
        ("floor", f"V{floor_size}", floor_size),
        ("access_point_id", "V16", 16),
        ("rssi_dbm", ">f4", 4),
        ("received_at", ">i8", 8),
        ("late", "u1", 1),
        ("source_id", f"V{name_size}", name_size),
    ]


@lru_cache(maxsize=512)
def _layout(floor_size: int, name_size: int) -> np.dtype[np.void]:
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind, _ in _fields(floor_size, name_size):
        parts += [(f"{name}_size", ">i4"), (name, kind)]
    return np.dtype(parts)


def _sizes(floor_size: int, name_size: int) -> list[tuple[str, int]]:
    return [(name, size) for name, _, size in _fields(floor_size, name_size)]
