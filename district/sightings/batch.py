"""The messages of the sighting stream: columns of fixed-width values, and the ticks that carry time between them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from district.sightings.stems import STEM_BYTES, Stems

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]

MAX_MESSAGE_BYTES = 512 << 10
NOWHERE = -1
"""The number of a floor or access point that a row does not name."""
NO_MEMBER = bytes(16)
_FIXED_ROW_BYTES = 16 + 16 + 8 + 8 + 4 + 2 + 8 + 2 + 4 + 1
_HEAD_BYTES = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RowFlag(IntFlag):
    """What is special about a row."""

    LATE = 1
    """Its day's salt is gone: the pseudonym is of the current day. Kept only if it is a member's."""
    HAS_FIX = 2
    """The source gave a position; without it the access point's is used."""


class Tick(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="t"):
    """Business time went on although nobody was seen."""

    received_at_us: int


class Batch(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """Sightings of one feed in order of arrival; each ``bytes`` holds one little-endian value a row."""

    feed_id: bytes
    received_at_us: int
    device: bytes
    """16 bytes a row."""
    member: bytes
    """16 bytes a row, zeros where unknown; empty when unknown in every row."""
    lon: bytes
    lat: bytes
    """float64 degrees, WGS-84."""
    accuracy_m: bytes
    """float32."""
    floor: bytes
    """int16 places in ``floors``."""
    at_ms: bytes
    """int64 milliseconds since 1970."""
    access_point: bytes
    """int16 places in ``access_points``."""
    rssi_dbm: bytes
    """float32, NaN when unknown."""
    flags: bytes
    """uint8, see RowFlag."""
    source_id: list[str] | bytes
    """As the source gave them; 9 bytes a row where they were made."""
    floors: list[str]
    access_points: list[bytes]


Message: TypeAlias = Batch | Tick
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_encoder = msgspec.msgpack.Encoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Sightings as arrays, all of one length: what a Batch packs."""

    device: npt.NDArray[np.void]
    member: npt.NDArray[np.void]
    lon: Floats
    lat: Floats
    accuracy_m: Singles
    floor: Shorts
    at_ms: Integers
    access_point: Shorts
    rssi_dbm: Singles
    flags: Bytes
    source_id: Sequence[str]
    floors: list[str]
    access_points: list[bytes]

    def __len__(self) -> int:
        return len(self.at_ms)

    def rows(self, chosen: slice | Integers) -> "Columns":
        """Some of the rows."""
        names = self.source_id
        if isinstance(chosen, slice):
            source_id = names[chosen]
        elif isinstance(names, Stems):
            source_id = names.take(chosen)
        else:
            source_id = [names[row] for row in chosen.tolist()]
        return Columns(
            device=self.device[chosen],
            member=self.member[chosen],
            lon=self.lon[chosen],
            lat=self.lat[chosen],
            accuracy_m=self.accuracy_m[chosen],
            floor=self.floor[chosen],
            at_ms=self.at_ms[chosen],
            access_point=self.access_point[chosen],
            rssi_dbm=self.rssi_dbm[chosen],
            flags=self.flags[chosen],
            source_id=source_id,
            floors=self.floors,
            access_points=self.access_points,
        )


def pack(columns: Columns, *, feed_id: uuid.UUID, received_at: datetime) -> bytes:
    """The message of these rows."""
    members, names = columns.member.tobytes(), columns.source_id
    return _encoder.encode(
        Batch(
            feed_id=feed_id.bytes,
            received_at_us=microseconds(received_at),
            device=columns.device.tobytes(),
            member=members if members.count(0) < len(members) else b"",
            lon=columns.lon.tobytes(),
            lat=columns.lat.tobytes(),
            accuracy_m=columns.accuracy_m.tobytes(),
            floor=columns.floor.tobytes(),
            at_ms=columns.at_ms.tobytes(),
            access_point=columns.access_point.tobytes(),
            rssi_dbm=columns.rssi_dbm.tobytes(),
            flags=columns.flags.tobytes(),
            source_id=names.tobytes() if isinstance(names, Stems) else list(names),
            floors=columns.floors,
            access_points=columns.access_points,
        )
    )


def unpack(message: bytes) -> Message:
    """Raises: msgspec.DecodeError for what is no message of ours."""
    return _decoder.decode(message)


def columns_of(batch: Batch) -> Columns:
    """The arrays of a batch, read-only, without copies."""
    rows = len(batch.at_ms) // 8
    return Columns(
        device=pseudonyms(batch.device),
        member=pseudonyms(batch.member or bytes(16 * rows)),
        lon=np.frombuffer(batch.lon, np.float64),
        lat=np.frombuffer(batch.lat, np.float64),
        accuracy_m=np.frombuffer(batch.accuracy_m, np.float32),
        floor=np.frombuffer(batch.floor, np.int16),
        at_ms=np.frombuffer(batch.at_ms, np.int64),
        access_point=np.frombuffer(batch.access_point, np.int16),
        rssi_dbm=np.frombuffer(batch.rssi_dbm, np.float32),
        flags=np.frombuffer(batch.flags, np.uint8),
        source_id=Stems.of(batch.source_id) if isinstance(batch.source_id, bytes) else batch.source_id,
        floors=batch.floors,
        access_points=batch.access_points,
    )


def tick(now: datetime) -> bytes:
    """The message that carries time."""
    return _encoder.encode(Tick(received_at_us=microseconds(now)))


def pseudonyms(joined: bytes) -> npt.NDArray[np.void]:
    """16 bytes a row as an array that compares and hashes whole."""
    return np.frombuffer(joined, np.dtype("V16"))


def parts(columns: Columns) -> list[Columns]:
    """The rows in messages' worths, each at most MAX_MESSAGE_BYTES when packed."""
    shared = _HEAD_BYTES + sum(len(floor.encode()) + 5 for floor in columns.floors)
    shared += 18 * len(columns.access_points)
    made = isinstance(columns.source_id, Stems)
    longest = STEM_BYTES if made else 4 * max(map(len, columns.source_id), default=0) + 3
    if shared + len(columns) * (_FIXED_ROW_BYTES + longest) <= MAX_MESSAGE_BYTES:
        return [columns] if len(columns) else []
    found: list[Columns] = []
    start, size = 0, shared
    for place, source_id in enumerate(columns.source_id):
        row_bytes = _FIXED_ROW_BYTES + (STEM_BYTES if made else len(source_id.encode()) + 3)
        if size + row_bytes > MAX_MESSAGE_BYTES and place > start:
            found.append(columns.rows(slice(start, place)))
            start, size = place, shared
        size += row_bytes
    if start < len(columns):
        found.append(columns.rows(slice(start, len(columns))))
    return found


def microseconds(at: datetime) -> int:
    """Exactly, where a float would lose the last digit."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at_us: int) -> datetime:
    """The UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)
