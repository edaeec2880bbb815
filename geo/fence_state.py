"""What is remembered of devices between fixes: who is inside which fence since when."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from geo.fence_index import FenceIndex
from geo.grid import Integers
from geo.pairs import PairTable, keys_of
from geo.raster import Bits, pairs_of

Rows = npt.NDArray[np.int64]

NEVER = -(1 << 62)
_MIN_ROWS = 256


@dataclass(slots=True)
class DwellQueue:
    """Visits that will have lasted their fence's dwell, by the second in which they will."""

    seconds: dict[int, list[tuple[Integers, Integers, Integers]]] = field(default_factory=dict)

    def put(self, due_ms: Integers, keys: Integers, entered_ms: Integers) -> None:
        """Add (m,) visits: when due, pair keys, enter times."""
        second = due_ms // 1_000
        for value in np.unique(second).tolist():
            mine = second == value
            self.seconds.setdefault(value, []).append((due_ms[mine], keys[mine], entered_ms[mine]))

    def take(self, now_ms: int) -> tuple[Integers, Integers, Integers]:
        """Remove and return the visits due at or before now, ended ones included, ordered by due, then key."""
        pieces = [piece for second in self._reached(now_ms) for piece in self.seconds.pop(second)]
        if not pieces:
            none = np.zeros(0, np.int64)
            return none, none, none
        due_ms, keys, entered_ms = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        early = due_ms > now_ms
        if early.any():
            self.put(due_ms[early], keys[early], entered_ms[early])
        order = np.lexsort((keys, due_ms))
        order = order[~early[order]]
        return due_ms[order], keys[order], entered_ms[order]

    def _reached(self, now_ms: int) -> list[int]:
        return sorted(second for second in self.seconds if second <= now_ms // 1_000)


class FenceState:
    """Dense rows of device state for one FenceIndex; whoever owns it keeps the map from device to row.

    A row is 8 bytes for every 64 slots (twice that with confirmations), and 32 bytes for each fence the
    device is inside. One writer.
    """

    inside: Bits  # (rows, words): who is in what
    pending: Bits  # (rows, words), no rows unless confirming: changes that await a second fix
    last_ms: Integers  # (rows,): the time of the last fix, NEVER without one
    segment: Integers  # (rows,)
    used: npt.NDArray[np.bool_]  # (rows,)
    free: list[int]  # rows not in use, the next one last

    def __init__(self, index: FenceIndex, *, rows: int = _MIN_ROWS) -> None:
        self.words = index.words
        self.confirming = index.policy.confirmations > 1
        self.visits = PairTable()
        self.dwells = DwellQueue()
        self.resize(max(rows, 1))

    def __len__(self) -> int:
        """How many devices have a row."""
        return len(self.used) - len(self.free)

    def allocate(self, count: int, segment: int = 0) -> Rows:
        """Rows for new devices, (count,) int64; remembered as never seen."""
        if count > len(self.free):
            self._extend(max(2 * len(self.used), len(self) + count))
        rows = np.array([self.free.pop() for _ in range(count)], dtype=np.int64)
        self.used[rows] = True
        self.segment[rows] = segment
        return rows

    def release(self, rows: Rows) -> None:
        """Forget devices without a word: no exits. Rows not in use are passed over."""
        gone = np.unique(rows[self.used[rows]])
        keys = self.visit_keys(gone)
        self.visits.pop(keys)
        self.inside[gone] = 0
        if self.confirming:
            self.pending[gone] = 0
        self.last_ms[gone] = NEVER
        self.segment[gone] = 0
        self.used[gone] = False
        self.free.extend(reversed(gone.tolist()))

    def set_segment(self, rows: Rows, segment: int | Integers) -> None:
        """Move devices to another segment; it counts from their next fix or dwell."""
        self.segment[rows] = segment

    def visit_keys(self, rows: Rows) -> Integers:
        """Pair keys of all fences that these devices are inside, ascending."""
        at, slot = pairs_of(self.inside.take(rows, axis=0))
        return np.sort(keys_of(rows[at], slot))

    def inside_count(self, slot: int, among: npt.NDArray[np.bool_] | None = None) -> int:
        """How many devices are inside a fence; of those in `among`, (rows,) bool, if it is given."""
        rows = self.rows_inside(slot)
        return len(rows) if among is None else int(np.count_nonzero(among[rows]))

    def rows_inside(self, slot: int) -> Rows:
        """The rows of the devices inside a fence, ascending."""
        return np.flatnonzero(self.inside[:, slot >> 6] & np.uint64(1 << (slot & 63)))

    def widen(self, words: int) -> None:
        """Follow an index that has grown."""
        extra = ((0, 0), (0, words - self.words))
        self.inside = np.pad(self.inside, extra)
        self.pending = np.pad(self.pending, extra)
        self.words = words

    def drop_slot(self, slot: int, rows: Rows) -> Integers:
        """Forget a fence in these rows, all that are inside; returns the values kept with the visits."""
        keep = ~np.uint64(1 << (slot & 63))
        self.inside[rows, slot >> 6] &= keep
        if self.confirming:
            self.pending[:, slot >> 6] &= keep
        return self.visits.pop(keys_of(rows, np.full(len(rows), slot)))

    def resize(self, rows: int) -> None:
        """Begin anew with this many rows, all free."""
        self.inside = np.zeros((0, self.words), np.uint64)
        self.pending = np.zeros((0, self.words), np.uint64)
        self.last_ms = np.zeros(0, np.int64)
        self.segment = np.zeros(0, np.int64)
        self.used = np.zeros(0, np.bool_)
        self.free = []
        self._extend(rows)

    def _extend(self, rows: int) -> None:
        old = len(self.used)
        extra = rows - old
        self.inside = np.concatenate((self.inside, np.zeros((extra, self.words), np.uint64)))
        if self.confirming:
            self.pending = np.concatenate((self.pending, np.zeros((extra, self.words), np.uint64)))
        self.last_ms = np.concatenate((self.last_ms, np.full(extra, NEVER, np.int64)))
        self.segment = np.pad(self.segment, (0, extra))
        self.used = np.pad(self.used, (0, extra))
        # Low rows are handed out first, and a released row before a fresh one.
        self.free = [*range(rows - 1, old - 1, -1), *self.free]
