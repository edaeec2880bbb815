"""A table from (device row, fence slot) to a number, filled and emptied by arrays."""

import numpy as np

from geo.errors import FenceRefused
from geo.grid import Integers

SLOT_BITS = 20
MAX_SLOTS = 1 << SLOT_BITS
_EMPTY, _REMOVED = -1, -2
_MIN_CAPACITY = 1_024


def keys_of(row: Integers, slot: Integers) -> Integers:
    """(m,) rows and slots → (m,) int64 keys, ordered by row, then slot."""
    keys: Integers = (row.astype(np.int64) << SLOT_BITS) | slot
    return keys


def row_of(keys: Integers) -> Integers:
    return keys >> SLOT_BITS


def slot_of(keys: Integers) -> Integers:
    return keys & (MAX_SLOTS - 1)


class PairTable:
    """Open addressing in two int64 arrays: 16 bytes a place, and a batch costs a few passes over itself.

    A dict would take ten times the memory and a Python call for each pair; a million devices' visits must
    fit. The keys of one call must differ from each other.
    """

    def __init__(self) -> None:
        self._keys: Integers = np.full(_MIN_CAPACITY, _EMPTY, np.int64)
        self._values: Integers = np.zeros(_MIN_CAPACITY, np.int64)
        self._count = 0
        self._touched = 0  # places that are not empty: the pairs and what removed ones left

    def __len__(self) -> int:
        return self._count

    def put(self, keys: Integers, values: Integers) -> None:
        """Add pairs that are not in the table."""
        if not len(keys):
            return
        if 2 * (self._touched + len(keys)) > len(self._keys):
            self._rebuild(self._count + len(keys))
        self._place(keys, values)
        self._count += len(keys)

    def get(self, keys: Integers) -> Integers:
        """The values of keys, -1 for those absent."""
        place = self._find(keys)
        return np.where(place >= 0, self._values.take(np.maximum(place, 0)), -1)

    def set(self, keys: Integers, values: Integers) -> None:
        """Change the values of keys that are in the table."""
        self._values[self._found(keys)] = values

    def pop(self, keys: Integers) -> Integers:
        """Remove keys that are in the table and return their values."""
        place = self._found(keys)
        values = self._values[place]
        self._keys[place] = _REMOVED
        self._count -= len(keys)
        return values

    def items(self) -> tuple[Integers, Integers]:
        """All keys in ascending order, and their values."""
        held = np.flatnonzero(self._keys >= 0)
        held = held[np.argsort(self._keys[held])]
        return self._keys[held], self._values[held]

    def _found(self, keys: Integers) -> Integers:
        place = self._find(keys)
        if len(place) and int(place.min()) < 0:
            raise FenceRefused("A visit is missing from the table; rebuild the state from its stream.")
        return place

    def _home(self, keys: Integers) -> Integers:
        # Fibonacci hashing: neighbouring slots of one row spread over the table.
        shift = np.uint64(64 - (len(self._keys).bit_length() - 1))
        spread = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        home: Integers = (spread >> shift).astype(np.int64)
        return home

    def _find(self, keys: Integers) -> Integers:
        answer = np.full(len(keys), -1, np.int64)
        wrap = len(self._keys) - 1
        waiting, place = np.arange(len(keys)), self._home(keys)
        while len(waiting):
            there = self._keys.take(place)
            hit = there == keys[waiting]
            answer[waiting[hit]] = place[hit]
            on = ~hit & (there != _EMPTY)
            waiting, place = waiting[on], (place[on] + 1) & wrap
        return answer

    def _place(self, keys: Integers, values: Integers) -> None:
        wrap = len(self._keys) - 1
        place = self._home(keys)
        while len(keys):
            before = self._keys.take(place)
            free = before < 0
            self._keys[place[free]] = keys[free]
            won = free & (self._keys.take(place) == keys)  # of several claims on one place the last holds
            self._values[place[won]] = values[won]
            self._touched += int(np.count_nonzero(won & (before == _EMPTY)))
            keys, values, place = keys[~won], values[~won], (place[~won] + 1) & wrap

    def _rebuild(self, wanted: int) -> None:
        held = self._keys >= 0
        keys, values = self._keys[held], self._values[held]
        capacity = max(_MIN_CAPACITY, 1 << (4 * wanted - 1).bit_length())
        self._keys = np.full(capacity, _EMPTY, np.int64)
        self._values = np.zeros(capacity, np.int64)
        self._touched = 0
        self._place(keys, values)
