"""The exact index from a point to the zones that contain it: cells of bits, and GEOS at the border."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geo.errors import FenceRefused
from geo.grid import EDGE_MARGIN_M, Floats, Grid, Integers, cover, covers, grid_over, spread
from geo.wedges import ASK_GEOS, depth_m
from geo.zones import Area

Bits = npt.NDArray[np.uint64]
Booleans = npt.NDArray[np.bool_]

WORD = 64
DEFAULT_CELL_M = 2.0
DEFAULT_MAX_BYTES = 96 * 2**20
_SPARE_LINES = 4_096


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
        self._one: Integers = np.zeros(0, np.int64)
        self._other: Integers = np.zeros(0, np.int64)
        self._lines: Floats = np.zeros((1, 3))
        self._stale_lines = 0
        self._build(areas)

    @property
    def capacity(self) -> int:
        """How many slots exist, used or not."""
        return self.words * WORD

    @property
    def border_lines(self) -> int:
        """How many lines are kept for deciding border cells, stale ones included."""
        return len(self._lines)

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
        self._rasterise(np.asarray(slots, dtype=np.int64), areas)
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
            piece = cover(self.grid, [self.polygons[slot]])
            self.bits[piece.inner_cell, slot // WORD] &= ~_bit(slot)
            self._stale_lines += len(piece.lines)
            self.polygons[slot] = None
            self.used[slot] = False
        keep = ~np.isin(self._candidates, np.array(gone))
        kept_before = np.concatenate((np.zeros(1, np.int64), np.cumsum(keep, dtype=np.int64)))
        self._starts = kept_before[self._starts]
        self._candidates = self._candidates[keep]
        self._one, self._other = self._one[keep], self._other[keep]
        self._forget_lines()

    def locate(self, x_m: Floats, y_m: Floats, allowed: Bits | None = None) -> Bits:
        """(n,) metres → (n, words) uint64: the slots whose area contains each point, boundary included.

        `allowed`, (n, words) or (1, words), limits the answer; what it excludes is not tested at the border.
        NaN is nowhere. Equal to GEOS `intersects` for every point and area.
        """
        cells = self.grid.cells(x_m, y_m)
        found = self.bits.take(cells, axis=0)
        if allowed is not None:
            found &= allowed
        point, slot = self._border_hits(cells, x_m, y_m, allowed)
        # A slot is either inner or candidate in a cell, never both: adding its bit is setting it.
        np.add.at(found.reshape(-1), point * self.words + (slot >> 6), _bits(slot))
        return found

    def hits(self, x_m: Floats, y_m: Floats, allowed: Bits | None = None) -> Hits:
        """Like locate, as pairs."""
        point, slot = pairs_of(self.locate(x_m, y_m, allowed))
        return Hits(point=point, slot=slot)

    def _border_hits(
        self, cells: Integers, x_m: Floats, y_m: Floats, allowed: Bits | None
    ) -> tuple[Integers, Integers]:
        point, place = self._border_pairs(cells, allowed)
        slot = self._candidates.take(place)
        x_m, y_m = x_m.take(point), y_m.take(point)
        depth = depth_m(self._lines, self._one.take(place), self._other.take(place), x_m, y_m)
        inside = depth > EDGE_MARGIN_M
        unsure = np.flatnonzero(~(np.abs(depth) > EDGE_MARGIN_M))
        # Sorted by polygon: its prepared form stays in the cache for all points that need it.
        unsure = unsure[np.argsort(slot[unsure], kind="stable")]
        inside[unsure] = shapely.intersects_xy(self.polygons[slot[unsure]], x_m[unsure], y_m[unsure])
        return point[inside], slot[inside]

    def _border_pairs(self, cells: Integers, allowed: Bits | None) -> tuple[Integers, Integers]:
        """Points and places among the candidates of their cells."""
        starts = self._starts.take(cells)
        counts = self._starts.take(cells + 1) - starts
        point = np.repeat(np.arange(len(cells), dtype=np.int64), counts)
        place = spread(starts, counts)
        if allowed is None:
            return point, place
        slot = self._candidates.take(place)
        row = point if len(allowed) > 1 else np.zeros_like(point)
        words = allowed.reshape(-1).take(row * self.words + (slot >> 6))
        wanted = (words & _bits(slot)) != 0
        return point[wanted], place[wanted]

    def _build(self, areas: Sequence[Area]) -> None:
        self._rasterise(np.arange(len(areas), dtype=np.int64), areas)
        if areas:
            self.polygons[: len(areas)] = areas
            self.used[: len(areas)] = True
            shapely.prepare(self.polygons[: len(areas)])

    def _rasterise(self, slots: Integers, areas: Sequence[Area]) -> None:
        pieces: list[tuple[Integers, ...]] = []
        lines = [self._lines]
        base = len(self._lines)
        for start, piece in covers(self.grid, areas):
            inner = slots[piece.inner_area + start]
            place = piece.inner_cell * self.words + (inner >> 6)
            np.bitwise_or.at(self.bits.reshape(-1), place, _bits(inner))
            one = np.where(piece.one == ASK_GEOS, ASK_GEOS, piece.one + base)
            other = np.where(piece.other < 0, piece.other - base, piece.other + base)
            pieces.append((piece.edge_cell, slots[piece.edge_area + start], one, other))
            lines.append(piece.lines)
            base += len(piece.lines)
        if pieces:
            self._lines = np.concatenate(lines)
            self._insert(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))

    def _insert(self, cells: Integers, slots: Integers, one: Integers, other: Integers) -> None:
        order = np.argsort(cells, kind="stable")
        at = self._starts[cells[order] + 1]
        self._candidates = np.insert(self._candidates, at, slots[order])
        self._one = np.insert(self._one, at, one[order])
        self._other = np.insert(self._other, at, other[order])
        added = np.bincount(cells, minlength=self.grid.outside + 1)
        self._starts += np.concatenate((np.zeros(1, np.int64), np.cumsum(added)))

    def _forget_lines(self) -> None:
        """Drop the lines of areas that are gone, once they are the greater part."""
        if 2 * self._stale_lines < len(self._lines) + _SPARE_LINES:
            return
        self._stale_lines = 0
        either = self._other < 0
        other = np.where(either, -2 - self._other, self._other)
        named = np.zeros(len(self._lines), np.bool_)
        named[other] = named[self._one[self._one >= 0]] = True
        named[0] = True  # ASK_GEOS reads a line too and discards it
        number = np.cumsum(named) - 1
        self._lines = self._lines[named]
        self._one = np.where(self._one < 0, self._one, number[self._one])
        self._other = np.where(either, -2 - number[other], number[other])


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
