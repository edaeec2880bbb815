"""A grid of square cells on the plane, and which of them an area's edges touch or its inside fills."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from geo.wedges import ASK_GEOS, edges_of, wedges
from geo.zones import Area

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A point this near an edge is left to GEOS, so that rounding here can never decide it.
EDGE_MARGIN_M = 1e-6
_CHUNK = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Cells of cell_m metres from (west_m, south_m), row by row; one more cell stands for all outside."""

    west_m: float
    south_m: float
    cell_m: float
    columns: int
    rows: int

    @property
    def outside(self) -> int:
        """The number of the cell that stands for everywhere else, and for NaN."""
        return self.columns * self.rows

    def cells(self, x_m: Floats, y_m: Floats) -> Integers:
        """(n,) metres → (n,) int64 cell numbers."""
        column = np.floor((x_m - self.west_m) * (1 / self.cell_m))
        row = np.floor((y_m - self.south_m) * (1 / self.cell_m))
        known = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        if known.all():
            cells: Integers = (row * self.columns + column).astype(np.int64)
            return cells
        number = np.where(known, row, 0.0) * self.columns + np.where(known, column, 0.0)
        return np.where(known, number, float(self.outside)).astype(np.int64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cover:
    """Pairs of (index of the area, cell): which cells must be tested exactly, which lie wholly inside.

    For the former, `one` and `other` name the `lines` that decide them, as geo.wedges says.
    """

    edge_area: Integers
    edge_cell: Integers
    one: Integers
    other: Integers
    lines: Floats
    inner_area: Integers
    inner_cell: Integers


def grid_over(
    areas: Sequence[Area], *, cell_m: float, words: int, max_bytes: int, margin_m: float = 0.0
) -> Grid:
    """A grid over all areas, with cells of cell_m, or larger so that its bit rows fit into max_bytes."""
    bounds = shapely.total_bounds(np.array(areas, dtype=object)) if areas else np.zeros(4)
    west, south, east, north = (float(value) for value in bounds)
    width_m, height_m = east - west + 2 * margin_m + 1.0, north - south + 2 * margin_m + 1.0
    max_cells = max(max_bytes // (8 * words), 64)
    cell_m = max(cell_m, math.sqrt(width_m * height_m / max_cells))
    while math.ceil(width_m / cell_m) * math.ceil(height_m / cell_m) > max_cells:
        cell_m *= 1.05
    return Grid(
        west_m=west - margin_m - 0.5,
        south_m=south - margin_m - 0.5,
        cell_m=cell_m,
        columns=math.ceil(width_m / cell_m),
        rows=math.ceil(height_m / cell_m),
    )


def covers(grid: Grid, areas: Sequence[Area]) -> Iterator[tuple[int, Cover]]:
    """The cover of the areas in chunks: (index of the chunk's first area, its cover), to bound memory."""
    for start in range(0, len(areas), _CHUNK):
        yield start, cover(grid, areas[start : start + _CHUNK])


def cover(grid: Grid, areas: Sequence[Area]) -> Cover:
    """Exact and conservative: every point of an inner cell is in the area, by more than EDGE_MARGIN_M; every
    other point of the area is in an edge cell. An area that leaves the grid has grid.outside as an edge cell.
    """
    edges = edges_of(np.array(areas, dtype=object))
    origin = np.array([grid.west_m, grid.south_m])
    first, last = edges.first - origin, edges.last - origin
    key, edge = _touched(grid, first, last, edges.area)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    one, other = wedges(edges, starts, np.diff(starts, append=len(key)), edge)
    edge_key = key[starts]
    inner_key = _inner_keys(grid, first, last, edges.area)
    place = np.searchsorted(edge_key, inner_key)
    place[place == len(edge_key)] = 0
    inner_key = inner_key[edge_key[place] != inner_key] if len(edge_key) else inner_key
    stride = grid.outside + 1
    return Cover(
        edge_area=edge_key // stride,
        edge_cell=edge_key % stride,
        one=np.where(edge_key % stride == grid.outside, ASK_GEOS, one),
        other=other,
        lines=edges.lines,
        inner_area=inner_key // stride,
        inner_cell=inner_key % stride,
    )


def spread(starts: Integers, lengths: Integers) -> Integers:
    """The ranges starts[i] … starts[i] + lengths[i] - 1, one after the other."""
    before = np.cumsum(lengths) - lengths
    numbers: Integers = np.arange(int(lengths.sum()), dtype=np.int64) + np.repeat(starts - before, lengths)
    return numbers


def _touched(grid: Grid, first: Floats, last: Floats, area: Integers) -> tuple[Integers, Integers]:
    """Pairs of area · (outside + 1) + cell and the edge that touches or nearly touches it, sorted by the former."""
    size, margin = grid.cell_m, EDGE_MARGIN_M
    low = np.minimum(first[:, 1], last[:, 1]) - margin
    high = np.maximum(first[:, 1], last[:, 1]) + margin
    bottom, top = np.floor(low / size).astype(np.int64), np.floor(high / size).astype(np.int64)
    leaves = (bottom < 0) | (top >= grid.rows)
    bottom, top = np.maximum(bottom, 0), np.minimum(top, grid.rows - 1)
    count = np.maximum(top - bottom + 1, 0)
    edge = np.repeat(np.arange(len(area)), count)
    row = spread(bottom, count)
    left, right = _columns_in_row(first[edge], last[edge], row * size, (row + 1) * size)
    left, right = np.floor((left - margin) / size), np.floor((right + margin) / size)
    leaves[edge[(left < 0) | (right >= grid.columns)]] = True
    start, end = np.maximum(left, 0).astype(np.int64), np.minimum(right, grid.columns - 1).astype(np.int64)
    count = np.maximum(end - start + 1, 0)
    stride = grid.outside + 1
    inside_key = np.repeat(area[edge] * stride + row * grid.columns, count) + spread(start, count)
    key = np.concatenate((inside_key, area[leaves] * stride + grid.outside))
    owner = np.concatenate((np.repeat(edge, count), np.flatnonzero(leaves)))
    order = np.argsort(key, kind="stable")
    return key[order], owner[order]


def _columns_in_row(first: Floats, last: Floats, bottom: Any, top: Any) -> tuple[Floats, Floats]:
    """The least and greatest x of each edge between two heights, a margin beyond them included."""
    rise = last[:, 1] - first[:, 1]
    flat = np.abs(rise) < 1e-9
    divisor = np.where(flat, 1.0, rise)
    at_bottom = np.where(flat, 0.0, (bottom - EDGE_MARGIN_M - first[:, 1]) / divisor)
    at_top = np.where(flat, 1.0, (top + EDGE_MARGIN_M - first[:, 1]) / divisor)
    run = last[:, 0] - first[:, 0]
    one = first[:, 0] + np.clip(at_bottom, 0, 1) * run
    other = first[:, 0] + np.clip(at_top, 0, 1) * run
    return np.minimum(one, other), np.maximum(one, other)


def _inner_keys(grid: Grid, first: Floats, last: Floats, area: Integers) -> Integers:
    """area · (outside + 1) + cell of every cell whose centre is inside, by the even-odd rule along each row."""
    size = grid.cell_m
    centers = (np.arange(grid.rows) + 0.5) * size
    low, high = np.minimum(first[:, 1], last[:, 1]), np.maximum(first[:, 1], last[:, 1])
    start = np.searchsorted(centers, low, "left")
    count = np.searchsorted(centers, high, "left") - start
    edge = np.repeat(np.arange(len(area)), count)
    row = spread(start, count)
    share = (centers[row] - first[edge, 1]) / (last[edge, 1] - first[edge, 1])
    x = first[edge, 0] + share * (last[edge, 0] - first[edge, 0])
    order = np.lexsort((x, row, area[edge]))
    x, row, owner = x[order], row[order], area[edge][order]
    left = np.clip(np.ceil(x[0::2] / size - 0.5), 0, grid.columns).astype(np.int64)
    right = np.clip(np.ceil(x[1::2] / size - 0.5), 0, grid.columns).astype(np.int64)
    count = np.maximum(right - left, 0)
    base = owner[0::2] * (grid.outside + 1) + row[0::2] * grid.columns
    return np.repeat(base, count) + spread(left, count)
