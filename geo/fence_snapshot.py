"""The state of a district's devices as bytes, and back: sparse, versioned, equal for equal states."""

import hashlib
import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geo.errors import SnapshotInvalid
from geo.fence_index import FenceIndex
from geo.fence_state import FenceState
from geo.grid import Integers
from geo.pairs import keys_of, row_of, slot_of
from geo.raster import pairs_of

_MAGIC: Final = b"SQFENCE1"
_FIELDS: Final = (
    "row",
    "last_ms",
    "segment",
    "free",
    "visit_row",
    "visit_slot",
    "visit_value",
    "wait_row",
    "wait_slot",
)
_TYPES: Final = ("<i4", "<i8", "<i4", "<i4", "<i4", "<i4", "<i8", "<i4", "<i4")
_DIGEST_SIZE: Final = 16


def snapshot(state: FenceState, index: FenceIndex) -> bytes:
    """All that advance, tick and change need to go on as if nothing had happened.

    16 bytes a device and 16 a fence it is inside; nothing for empty rows. Segments of devices are kept,
    the index's masks are not: they are the caller's, who sets them from its own data.
    """
    rows = np.flatnonzero(state.used)
    keys, values = state.visits.items()
    wait_row, wait_slot = _waiting(state)
    arrays = (
        rows,
        state.last_ms[rows],
        state.segment[rows],
        np.array(state.free, dtype=np.int64),
        row_of(keys),
        slot_of(keys),
        values,
        wait_row,
        wait_slot,
    )
    header = {
        "lengths": [len(array) for array in arrays],
        "rows": len(state.used),
        "fences": [[slot, fence.id.hex, fence.digest()] for slot, fence in sorted(index.fences.items())],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    parts = [array.astype(kind).tobytes() for array, kind in zip(arrays, _TYPES, strict=True)]
    body = b"".join((len(text).to_bytes(4, "little"), text, *parts))
    return _MAGIC + _digest(body) + body


def restore(data: bytes, index: FenceIndex) -> FenceState:
    """The state that was written, on an index whose fences may since have other slots.

    Visits of fences that the index lacks, or has in another shape, are dropped without exits.

    Raises: SnapshotInvalid for bytes that are not a whole, undamaged snapshot of this version.
    """
    header, arrays = _decode(data)
    slots = _slot_map(header["fences"], index)
    state = FenceState(index)
    _restore_rows(state, header["rows"], arrays)
    keys, values = _mapped(arrays["visit_row"], arrays["visit_slot"], slots, arrays["visit_value"])
    _set_bits(state.inside, keys)
    state.visits.put(keys, values)
    if state.confirming:
        _set_bits(state.pending, _mapped(arrays["wait_row"], arrays["wait_slot"], slots)[0])
    _queue(state, index, keys, values)
    return state


def _waiting(state: FenceState) -> tuple[Integers, Integers]:
    row, slot = (
        pairs_of(state.pending) if state.confirming else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    )
    keys = np.sort(keys_of(row, slot))
    return row_of(keys), slot_of(keys)


def _digest(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest()


def _decode(data: bytes) -> tuple[dict[str, Any], dict[str, Integers]]:
    start = len(_MAGIC) + _DIGEST_SIZE
    body = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC:
        raise SnapshotInvalid(
            "These bytes are no fence snapshot of this version; start from the stream instead."
        )
    if data[len(_MAGIC) : start] != _digest(body):
        raise SnapshotInvalid("The fence snapshot is damaged; use an older one.")
    at = 4 + int.from_bytes(body[:4], "little")
    header: dict[str, Any] = json.loads(bytes(body[4:at]))
    arrays: dict[str, Integers] = {}
    for name, kind, length in zip(_FIELDS, _TYPES, header["lengths"], strict=True):
        arrays[name] = np.frombuffer(body, kind, count=length, offset=at).astype(np.int64)
        at += length * np.dtype(kind).itemsize
    return header, arrays


def _slot_map(written: list[tuple[int, str, str]], index: FenceIndex) -> Integers:
    """(largest slot + 1,) the slot of each old slot's fence in this index, -1 where it has none like it."""
    now = {fence.id.hex: (slot, fence.digest()) for slot, fence in index.fences.items()}
    slots = np.full(max((slot for slot, _, _ in written), default=0) + 1, -1, np.int64)
    for slot, fence_id, digest in written:
        found, shape = now.get(fence_id, (-1, ""))
        slots[slot] = found if shape == digest else -1
    return slots


def _mapped(
    row: Integers, slot: Integers, slots: Integers, values: Integers | None = None
) -> tuple[Integers, Integers]:
    here = slots[slot] >= 0
    return keys_of(row[here], slots[slot[here]]), (row if values is None else values)[here]


def _restore_rows(state: FenceState, count: int, arrays: dict[str, Integers]) -> None:
    row = arrays["row"]
    state.resize(count)
    state.free = arrays["free"].tolist()
    state.used[row] = True
    state.last_ms[row] = arrays["last_ms"]
    state.segment[row] = arrays["segment"]


def _set_bits(rows: npt.NDArray[np.uint64], keys: Integers) -> None:
    slot = slot_of(keys)
    np.bitwise_or.at(rows, (row_of(keys), slot >> 6), np.uint64(1) << (slot & 63).astype(np.uint64))


def _queue(state: FenceState, index: FenceIndex, keys: Integers, values: Integers) -> None:
    dwell_ms = index.dwell_ms[slot_of(keys)]
    timed = (dwell_ms > 0) & (values & 1 == 0)
    if timed.any():
        entered_ms = (values >> 1)[timed]
        state.dwells.put(entered_ms + dwell_ms[timed], keys[timed], entered_ms)
