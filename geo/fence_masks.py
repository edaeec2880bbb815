"""Which fences a fix may change: live windows, the device's segment, the floor, the accuracy gate."""

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from geo.errors import FenceRefused
from geo.grid import Floats, Integers
from geo.raster import Bits, mask_of

MAX_SEGMENTS = 4_096


class Gated(Protocol):
    """What the masks read of a fence."""

    @property
    def floor(self) -> str | None: ...
    @property
    def max_accuracy_m(self) -> float: ...


class FenceMasks:
    """Rows of bits, one bit a slot, looked up by the segment, floor and accuracy of each fix.

    Tables are made again when something has changed, at the next look-up: flipping a window costs
    microseconds, and no clock is read for each event.
    """

    def __init__(self, words: int) -> None:
        self._words = words
        self._used: Bits = np.zeros(words, np.uint64)
        self._live: Bits = np.zeros(words, np.uint64)
        self._segments: dict[int, Bits] = {}
        self._floors: dict[int, str] = {}
        self._limits: dict[int, float] = {}
        self._codes: dict[str, int] = {}
        self._track: Bits | None = None
        self._gate: Bits | None = None
        self._thresholds: Floats = np.zeros(0)

    def floor_code(self, floor: str | None) -> int:
        return 0 if floor is None else self._codes.get(floor, 0)

    def put(self, fences: Mapping[int, Gated]) -> None:
        """Take in the fences of new slots, live and eligible for segment 0."""
        new = mask_of(fences, self._words)
        self._used |= new
        self._live |= new
        if 0 in self._segments:
            self._segments[0] |= new
        for slot, fence in fences.items():
            if fence.floor is not None:
                self._floors[slot] = fence.floor
                self._codes.setdefault(fence.floor, len(self._codes) + 1)
            if math.isfinite(fence.max_accuracy_m):
                self._limits[slot] = fence.max_accuracy_m
        self._track = self._gate = None

    def clear(self, slots: Iterable[int]) -> None:
        """Forget slots everywhere."""
        gone = list(slots)
        keep = ~mask_of(gone, self._words)
        self._used &= keep
        self._live &= keep
        self._segments = {segment: bits & keep for segment, bits in self._segments.items()}
        for slot in gone:
            self._floors.pop(slot, None)
            self._limits.pop(slot, None)
        self._track = self._gate = None

    def grow(self, words: int) -> None:
        extra = (0, words - self._words)
        self._words = words
        self._used, self._live = np.pad(self._used, extra), np.pad(self._live, extra)
        self._segments = {segment: np.pad(bits, extra) for segment, bits in self._segments.items()}
        self._track = self._gate = None

    def set_live(self, slots: Iterable[int], live: bool) -> None:
        bits = mask_of(slots, self._words)
        self._live = self._live | bits if live else self._live & ~bits
        self._track = None

    def set_segment(self, segment: int, slots: Iterable[int]) -> None:
        """Raises: FenceRefused for a segment outside 0 … 4,095."""
        if not 0 <= segment < MAX_SEGMENTS:
            raise FenceRefused(f"A segment is a number from 0 to {MAX_SEGMENTS - 1}.")
        self._segments[segment] = mask_of(slots, self._words)
        self._track = None

    def tracked(self, segment: Integers, floor: Integers | None) -> Bits | None:
        """(n, words) or (1, words): the fences that each fix may be inside; None when that is all of them."""
        if self._track is None:
            self._track = self._track_table()
        floors = len(self._codes) + 1
        known = np.minimum(segment, len(self._track) // floors - 1)
        key: Integers = known * floors if floor is None else known * floors + floor
        first = key[0] if len(key) else 0
        if not np.all(key == first):
            return self._track.take(key, axis=0)
        row = self._track[first : first + 1]
        return None if np.array_equal(row[0], self._used) else row

    def gates(self, accuracy_m: Floats | None) -> Bits | None:
        """(n, words) or (1, words): the fences that each fix is accurate enough for; None when all are."""
        if not self._limits:
            return None
        if self._gate is None:
            self._gate = self._gate_table()
        if accuracy_m is None:
            return self._gate[-1:]
        rank: Integers = np.digitize(accuracy_m, self._thresholds, right=True).astype(np.int64)
        return self._gate.take(rank, axis=0)

    def eligible(self, segment: Integers, slot: Integers) -> Integers:
        """(m,) 0 or 1: may a device of this segment trigger this slot now, floors left aside?"""
        rows = np.array([self._segment(number) & self._live for number in range(self._segment_count())])
        known = np.minimum(segment, len(rows) - 1)
        bits = rows[known, slot >> 6] >> (slot & 63).astype(np.uint64)
        answer: Integers = (bits & np.uint64(1)).astype(np.int64)
        return answer

    def _segment_count(self) -> int:
        # The row after the last segment that was set answers for all later ones: nothing.
        return max(self._segments, default=0) + 2

    def _segment(self, segment: int) -> Bits:
        default = self._used if segment == 0 else np.zeros_like(self._used)
        return self._segments.get(segment, default)

    def _track_table(self) -> Bits:
        anywhere = self._used & ~mask_of(self._floors, self._words)
        bound = {name: mask_of(slots, self._words) for name, slots in self._by_floor().items()}
        floors = [anywhere, *(anywhere | bound[name] for name in self._codes)]
        rows = [
            self._segment(segment) & self._live & floor
            for segment in range(self._segment_count())
            for floor in floors
        ]
        return np.array(rows, dtype=np.uint64)

    def _by_floor(self) -> dict[str, list[int]]:
        slots: dict[str, list[int]] = {name: [] for name in self._codes}
        for slot, name in self._floors.items():
            slots[name].append(slot)
        return slots

    def _gate_table(self) -> Bits:
        """Row k: the fences whose limit is at least thresholds[k]; the last row: those without a limit."""
        self._thresholds = np.unique(np.array(list(self._limits.values())))
        table: Bits = np.zeros((len(self._thresholds) + 1, self._words), np.uint64)
        table[-1] = ~mask_of(self._limits, self._words)
        for slot, limit in self._limits.items():
            row = int(np.searchsorted(self._thresholds, limit))
            table[row, slot >> 6] |= np.uint64(1 << (slot & 63))
        return np.bitwise_or.accumulate(table[::-1], axis=0)[::-1].copy()
