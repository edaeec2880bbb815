"""The exact index from a point to the zones that contain it: cells of bits, and GEOS at the border."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geo.errors import FenceRefused
from geo.grid import Cover, Floats, Grid, Integers, cover, covers, grid_over, spread
from geo.zones import Area

Bits = npt.NDArray[np.uint64]
Booleans = npt.NDArray[np.bool_]

WORD = 64
DEFAULT_CELL_M = 2.0
DEFAULT_MAX_BYTES = 96 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Hits:
    """Which point lies in which zone: (m,) point indices and (m,) slots, every pair once, unordered."""

    point: Integers
    slot: Integers


class ZoneRaster:
    """Areas in plane metres under small numbers ("slots"), looked up by point, boundary included.

    `bits[cell]` holds one bit for each slot whose area fills the whole cell; `candidates` lists, cell by
    cell, the slots whose edge touches it, which GEOS decides (`intersects`, on prepared polygons). The last
    cell stands for everything off the grid: its candidates are the areas that leave the grid, so that a
    point or an area beyond it costs time, never exactness.

    Between look-ups, areas may be put in and taken out at the cost of their own cells and one pass over the
    candidates. One writer; a look-up must not run meanwhile.
    """

    def __init__(
        self,
        areas: Sequence[Area] = (),
        *,
        capacity: int | None = None,
        cell_m: float = DEFAULT_CELL_M,
        max_bytes: int = DEFAULT_MAX_BYTES,
        margin_m: float = 0.0,
    ) -> None:
        """Slots 0 … len(areas) - 1 hold the areas; capacity leaves room for more without a copy."""
        self.words = max(1, -(-max(capacity or 0, len(areas)) // WORD))
        self.grid: Grid = grid_over(
            areas, cell_m=cell_m, words=self.words, max_bytes=max_bytes, margin_m=margin_m
        )
        self.bits: Bits = np.zeros((self.grid.outside + 1, self.words), np.uint64)
        self.polygons: npt.NDArray[np.object_] = np.full(self.words * WORD, None, dtype=object)
        self.used: Booleans = np.zeros(self.words * WORD, np.bool_)
        self._starts: Integers = np.zeros(self.grid.outside + 2, np.int64)
        self._candidates: Integers = np.zeros(0, np.int64)
        self._build(areas)

    @property
    def capacity(self) -> int:
        """How many slots exist, used or not."""
        return self.words * WORD

    def grow(self, capacity: int) -> None:
        """Make room for at least this many slots (a copy of the bits; slots keep their numbers)."""
        words = -(-capacity // WORD)
        if words <= self.words:
            return
        extra = words - self.words
        self.bits = np.pad(self.bits, ((0, 0), (0, extra)))
        self.polygons = np.concatenate((self.polygons, np.full(extra * WORD, None, dtype=object)))
        self.used = np.pad(self.used, (0, extra * WORD))
        self.words = words

    def put(self, slots: Sequence[int], areas: Sequence[Area]) -> None:
        """Fill free slots with areas.

        Raises: FenceRefused if a slot is in use, given twice, or beyond the capacity.
        """
        if len(set(slots)) != len(slots) or any(self.used[slot] for slot in slots):
            raise FenceRefused("A slot is already in use; clear it before filling it again.")
        numbers = np.asarray(slots, dtype=np.int64)
        for start, piece in covers(self.grid, areas):
            self._fill(numbers[start:], piece)
            self._insert(piece.edge_cell, numbers[piece.edge_area + start])
        for slot, area in zip(slots, areas, strict=True):
            shapely.prepare(area)
            self.polygons[slot] = area
            self.used[slot] = True

    def clear(self, slots: Iterable[int]) -> None:
        """Empty slots, so that they may be filled again; empty ones stay empty."""
        gone = [slot for slot in slots if self.used[slot]]
        if not gone:
            return
        for slot in gone:
            inner = cover(self.grid, [self.polygons[slot]]).inner_cell
            self.bits[inner, slot // WORD] &= ~_bit(slot)
            self.polygons[slot] = None
            self.used[slot] = False
        keep = ~np.isin(self._candidates, np.array(gone))
        kept_before = np.concatenate((np.zeros(1, np.int64), np.cumsum(keep, dtype=np.int64)))
        self._starts = kept_before[self._starts]
        self._candidates = self._candidates[keep]

    def locate(self, x_m: Floats, y_m: Floats, allowed: Bits | None = None) -> Bits:
        """(n,) metres → (n, words) uint64: the slots whose area contains each point, boundary included.

        `allowed`, (n, words) or (1, words), limits the answer; what it excludes is not tested at the border.
        NaN is nowhere. Equal to GEOS `intersects` for every point and area.
        """
        cells = self.grid.cells(x_m, y_m)
        found = self.bits.take(cells, axis=0)
        if allowed is not None:
            found &= allowed
        point, slot = self._border_pairs(cells, allowed)
        if len(slot):
            # Sorted by polygon: its prepared form stays in the cache for all points that need it.
            order = np.argsort(slot, kind="stable")
            point, slot = point[order], slot[order]
            inside = shapely.intersects_xy(self.polygons[slot], x_m[point], y_m[point])
            point, slot = point[inside], slot[inside]
            # A slot is either inner or candidate in a cell, never both: adding its bit is setting it.
            np.add.at(found.reshape(-1), point * self.words + (slot >> 6), _bits(slot))
        return found

    def hits(self, x_m: Floats, y_m: Floats, allowed: Bits | None = None) -> Hits:
        """Like locate, as pairs."""
        point, slot = pairs_of(self.locate(x_m, y_m, allowed))
        return Hits(point=point, slot=slot)

    def _border_pairs(self, cells: Integers, allowed: Bits | None) -> tuple[Integers, Integers]:
        starts = self._starts.take(cells)
        counts = self._starts.take(cells + 1) - starts
        point = np.repeat(np.arange(len(cells), dtype=np.int64), counts)
        slot = self._candidates.take(spread(starts, counts))
        if allowed is None or not len(slot):
            return point, slot
        row = point if len(allowed) > 1 else np.zeros_like(point)
        words = allowed.reshape(-1).take(row * self.words + (slot >> 6))
        wanted = (words & _bits(slot)) != 0
        return point[wanted], slot[wanted]

    def _build(self, areas: Sequence[Area]) -> None:
        numbers = np.arange(len(areas), dtype=np.int64)
        cells: list[Integers] = []
        slots: list[Integers] = []
        for start, piece in covers(self.grid, areas):
            self._fill(numbers[start:], piece)
            cells.append(piece.edge_cell)
            slots.append(piece.edge_area + start)
        if areas:
            self._insert(np.concatenate(cells), np.concatenate(slots))
            self.polygons[: len(areas)] = areas
            self.used[: len(areas)] = True
            shapely.prepare(self.polygons[: len(areas)])

    def _fill(self, slots: Integers, piece: Cover) -> None:
        slot = slots[piece.inner_area]
        np.bitwise_or.at(self.bits.reshape(-1), piece.inner_cell * self.words + (slot >> 6), _bits(slot))

    def _insert(self, cells: Integers, slots: Integers) -> None:
        order = np.argsort(cells, kind="stable")
        cells, slots = cells[order], slots[order]
        self._candidates = np.insert(self._candidates, self._starts[cells + 1], slots)
        added = np.bincount(cells, minlength=self.grid.outside + 1)
        self._starts += np.concatenate((np.zeros(1, np.int64), np.cumsum(added)))


def pairs_of(rows: Bits) -> tuple[Integers, Integers]:
    """The set bits of (n, words) uint64 as (row, bit number), both (m,) int64; in no particular order."""
    words = rows.shape[1]
    place = np.flatnonzero(rows)
    place, number = set_bits(place, rows.reshape(-1)[place])
    return place // words, place % words * WORD + number


def set_bits(place: Integers, values: Bits) -> tuple[Integers, Integers]:
    """(m,) places and their uint64 words → one (place, bit number) for each bit set."""
    places: list[Integers] = []
    numbers: list[Integers] = []
    some = values != 0
    place, values = place[some], values[some]
    while len(values):
        rest = values & (values - np.uint64(1))  # the lowest bit removed
        numbers.append(np.bitwise_count((values ^ rest) - np.uint64(1)).astype(np.int64))
        places.append(place)
        more = rest != 0
        place, values = place[more], rest[more]
    if not places:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(places), np.concatenate(numbers)


def _bit(slot: int) -> np.uint64:
    return np.uint64(1 << (slot % WORD))


def _bits(slots: Integers) -> Bits:
    bits: Bits = np.uint64(1) << (slots & 63).astype(np.uint64)
    return bits


def mask_of(slots: Iterable[int], words: int) -> Bits:
    """(words,) uint64 with the bits of these slots set."""
    mask: Bits = np.zeros(words, np.uint64)
    for slot in slots:
        mask[slot // WORD] |= _bit(slot)
    return mask
