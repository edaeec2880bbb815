"""The state of a district's devices as bytes, and back: sparse, versioned, equal for equal states."""

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geo.errors import SnapshotInvalid
from geo.fence_index import FenceIndex
from geo.fence_state import NEVER, FenceState
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
_MAX_HEADER: Final = 256 * 2**20
MAX_ROWS: Final = 1 << 26


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
    return b"".join((_MAGIC, len(text).to_bytes(4, "little"), text, *parts))


def restore(data: bytes, index: FenceIndex) -> FenceState:
    """The state that was written, on an index whose fences may since have other slots.

    Visits of fences that the index lacks, or has in another shape, are dropped without exits.

    Raises: SnapshotInvalid for bytes that are not a whole snapshot of this version.
    """
    header, arrays = _decode(data)
    slots = _slot_map(header, index)
    state = FenceState(index)
    _restore_rows(state, header["rows"], arrays)
    keys, values = _mapped(arrays["visit_row"], arrays["visit_slot"], slots, arrays["visit_value"])
    if len(np.unique(keys)) != len(keys) or not state.used[row_of(keys)].all():
        raise SnapshotInvalid(
            "The snapshot repeats a visit or names a row without a device; use an older one."
        )
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


def _decode(data: bytes) -> tuple[dict[str, Any], dict[str, Integers]]:
    if data[: len(_MAGIC)] != _MAGIC:
        raise SnapshotInvalid(
            "These bytes are no fence snapshot of this version; start from the stream instead."
        )
    start = len(_MAGIC) + 4
    size = int.from_bytes(data[len(_MAGIC) : start], "little")
    try:
        header = json.loads(data[start : start + min(size, _MAX_HEADER)])
        arrays = _arrays(memoryview(data)[start + size :], header["lengths"])
        return header, arrays
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise SnapshotInvalid("The fence snapshot is damaged; use an older one.") from error


def _arrays(body: memoryview, lengths: list[int]) -> dict[str, Integers]:
    arrays: dict[str, Integers] = {}
    at = 0
    for name, kind, length in zip(_FIELDS, _TYPES, lengths, strict=True):
        arrays[name] = np.frombuffer(body, kind, count=length, offset=at).astype(np.int64)
        at += length * np.dtype(kind).itemsize
    if at != len(body):
        raise ValueError("bytes left over")
    return arrays


def _slot_map(header: dict[str, Any], index: FenceIndex) -> Integers:
    """(largest slot + 1,) the slot of each old slot's fence in this index, -1 where it has none like it."""
    now = {fence.id.hex: (slot, fence.digest()) for slot, fence in index.fences.items()}
    try:
        slots = np.full(max((int(slot) for slot, _, _ in header["fences"]), default=0) + 1, -1, np.int64)
        for slot, fence_id, digest in header["fences"]:
            found, shape = now.get(fence_id, (-1, ""))
            slots[slot] = found if shape == digest else -1
    except (ValueError, KeyError, TypeError, IndexError, MemoryError) as error:
        raise SnapshotInvalid("The fence list of the snapshot is damaged; use an older one.") from error
    return slots


def _mapped(
    row: Integers, slot: Integers, slots: Integers, values: Integers | None = None
) -> tuple[Integers, Integers]:
    if len(slot) and (int(slot.min()) < 0 or int(slot.max()) >= len(slots)):
        raise SnapshotInvalid("The snapshot names a slot without a fence; use an older one.")
    here = slots[slot] >= 0
    return keys_of(row[here], slots[slot[here]]), (row if values is None else values)[here]


def _restore_rows(state: FenceState, count: object, arrays: dict[str, Integers]) -> None:
    row, free = arrays["row"], arrays["free"]
    every = np.concatenate((row, free))
    if not isinstance(count, int) or not 0 < count <= MAX_ROWS or not _is_partition(every, count):
        raise SnapshotInvalid("The rows of the snapshot do not add up; use an older one.")
    if len({len(row), len(arrays["last_ms"]), len(arrays["segment"])}) != 1:
        raise SnapshotInvalid("The rows of the snapshot do not add up; use an older one.")
    visit_rows = np.concatenate((arrays["visit_row"], arrays["wait_row"]))
    if len(visit_rows) and (int(visit_rows.min()) < 0 or int(visit_rows.max()) >= count):
        raise SnapshotInvalid("The snapshot names a row beyond its end; use an older one.")
    state.resize(count)
    state.free = free.tolist()
    state.used[row] = True
    state.last_ms[:] = NEVER
    state.last_ms[row] = arrays["last_ms"]
    state.segment[row] = arrays["segment"]


def _is_partition(rows: Integers, count: int) -> bool:
    return len(rows) == count and bool(np.array_equal(np.sort(rows), np.arange(count)))


def _set_bits(rows: npt.NDArray[np.uint64], keys: Integers) -> None:
    slot = slot_of(keys)
    np.bitwise_or.at(rows, (row_of(keys), slot >> 6), np.uint64(1) << (slot & 63).astype(np.uint64))


def _queue(state: FenceState, index: FenceIndex, keys: Integers, values: Integers) -> None:
    dwell_ms = index.dwell_ms[slot_of(keys)]
    timed = (dwell_ms > 0) & (values & 1 == 0)
    if timed.any():
        entered_ms = (values >> 1)[timed]
        state.dwells.put(entered_ms + dwell_ms[timed], keys[timed], entered_ms)
