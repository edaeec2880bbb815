"""Which side of one or two lines is inside: the exact answer for most cells at an area's border.

In a cell that only one edge of an area touches, a point is inside if it lies on the inner side of that edge's
line; in one that two neighbouring edges touch, if it lies within their wedge. Both hold beyond EDGE_MARGIN_M of
the lines; nearer, and in all other cells, GEOS is asked. That spares nine of ten calls of GEOS, each of which
would fetch a polygon from memory.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ASK_GEOS = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Edges:
    """Directed edges in plane metres: (n, 2) ends, the area and ring of each, and its inner line.

    lines: (n, 3) float64, (a, b, c) with a·x + b·y + c the distance of a point in metres, positive inside.
    """

    first: Floats
    last: Floats
    area: Integers
    ring: Integers
    lines: Floats


def edges_of(areas: npt.NDArray[np.object_]) -> Edges:
    """Every edge of the areas, holes included."""
    parts, of_area = shapely.get_parts(areas, return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    joined = of_ring[1:] == of_ring[:-1]
    ring = of_ring[:-1][joined]
    first, last = points[:-1][joined], points[1:][joined]
    is_shell = np.ones(len(rings), np.bool_)
    is_shell[1:] = of_part[1:] != of_part[:-1]
    inside_left = shapely.is_ccw(rings) == is_shell
    lines = _lines(first, last, np.where(inside_left[ring], 1.0, -1.0))
    return Edges(first=first, last=last, area=of_area[of_part[ring]].astype(np.int64), ring=ring, lines=lines)


def _lines(first: Floats, last: Floats, side: Floats) -> Floats:
    along = last - first
    length = np.hypot(along[:, 0], along[:, 1])
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # an edge of no length has no side: NaN, so GEOS is asked
        a, b = -along[:, 1] / length * side, along[:, 0] / length * side
    return np.column_stack((a, b, -(a * first[:, 0] + b * first[:, 1])))


def wedges(edges: Edges, starts: Integers, counts: Integers, edge: Integers) -> tuple[Integers, Integers]:
    """For groups of edges that touch one cell: the two lines that decide it, as (one, other).

    Group i is edge[starts[i] : starts[i] + counts[i]]. Inside is where both lines say so; where `other` is
    given as -2 - line, where either does. `one` is ASK_GEOS where two lines cannot tell.
    """
    one, other = edge[starts], edge[starts + np.minimum(counts, 2) - 1]
    meets = _follows(edges, one, other)
    meets_back = _follows(edges, other, one)
    single = counts == 1
    decided = single | ((counts == 2) & (meets ^ meets_back))
    before, after = np.where(meets, one, other), np.where(meets, other, one)
    # The wedge is convex if the edge that follows turns towards the inside of the one before it.
    turn = edges.last[after] - edges.first[after]
    inward = edges.lines[before, 0] * turn[:, 0] + edges.lines[before, 1] * turn[:, 1]
    either = ~single & (inward < 0)
    return np.where(decided, one, ASK_GEOS), np.where(either, -2 - other, other)


def _follows(edges: Edges, one: Integers, other: Integers) -> npt.NDArray[np.bool_]:
    touch = (edges.last[one] == edges.first[other]).all(axis=1)
    follows: npt.NDArray[np.bool_] = touch & (edges.ring[one] == edges.ring[other])
    return follows


def depth_m(lines: Floats, one: Integers, other: Integers, x_m: Floats, y_m: Floats) -> Floats:
    """(m,) metres: how far inside, negative outside; NaN where GEOS must be asked."""
    either = other < 0
    first, second = lines.take(one, axis=0), lines.take(np.where(either, -2 - other, other), axis=0)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite metres are nowhere, and GEOS will say so
        by_first = first[:, 0] * x_m + first[:, 1] * y_m + first[:, 2]
        by_second = second[:, 0] * x_m + second[:, 1] * y_m + second[:, 2]
    depth = np.where(either, np.maximum(by_first, by_second), np.minimum(by_first, by_second))
    return np.where(one == ASK_GEOS, np.nan, depth)
