"""A heat map that shows nobody: cells of at least k people, widened until they hold that many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from district.footfall.metrics import SMALLEST_GROUP
from geo.coordinates import LonLat
from geo.metric import LocalPlane

FINEST_CELL_M = 50.0
WIDENINGS = 3
"""50 m, 100 m, 200 m; who is in no cell of k by then is not shown."""
SPREAD_M = 25.0
"""A cell's people are drawn as points this far apart, all over the cell."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatCell:
    """A square with k people or more; its south-west corner in metres of the district's plane."""

    x_m: float
    y_m: float
    side_m: float
    people: int


def cells(x_m: Floats, y_m: Floats) -> list[HeatCell]:
    """(n,) positions → disjoint groups of at least k. A person is counted in one cell only."""
    found: list[HeatCell] = []
    side_m = FINEST_CELL_M
    for _ in range(WIDENINGS):
        column, row = np.floor(x_m / side_m).astype(np.int64), np.floor(y_m / side_m).astype(np.int64)
        squares, group, people = np.unique(
            np.stack([column, row], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        enough = people >= SMALLEST_GROUP
        found += [
            HeatCell(x_m=float(at[0]) * side_m, y_m=float(at[1]) * side_m, side_m=side_m, people=int(count))
            for at, count in zip(squares[enough], people[enough], strict=True)
        ]
        left = ~enough[group.reshape(-1)]
        x_m, y_m = x_m[left], y_m[left]
        side_m *= 2
    return found


def features(positions: Sequence[tuple[float, float]], center: LonLat) -> dict[str, Any]:
    """GeoJSON of weighted points for the map, from (lon, lat) of one fix a person."""
    plane = LocalPlane(anchor=center)
    if not positions:
        return {"type": "FeatureCollection", "features": []}
    table = np.array(positions, dtype=np.float64)
    x_m, y_m = plane.to_metres_or_nan(table[:, 0], table[:, 1])
    inside = ~np.isnan(x_m)
    shown = [feature for cell in cells(x_m[inside], y_m[inside]) for feature in _points(cell, plane)]
    return {"type": "FeatureCollection", "features": shown}


def _points(cell: HeatCell, plane: LocalPlane) -> list[dict[str, Any]]:
    steps = int(cell.side_m // SPREAD_M)
    middle = (np.arange(steps) + 0.5) * SPREAD_M
    x_m, y_m = (part.ravel() for part in np.meshgrid(cell.x_m + middle, cell.y_m + middle))
    near = x_m**2 + y_m**2 <= plane.radius_m**2
    lon, lat = plane.to_degrees(x_m[near], y_m[near])
    weight = round(cell.people / steps**2, 2)
    return [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [round(float(one), 5), round(float(other), 5)]},
            "properties": {"weight": weight},
        }
        for one, other in zip(lon, lat, strict=True)
    ]
