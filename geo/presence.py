"""Where each of many fixes is: in which of a set of areas, or at which of a set of spots."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from geo.errors import OutsidePlane
from geo.metric import Degrees, LocalPlane
from geo.raster import ZoneRaster
from geo.visits import OUTSIDE
from geo.zones import Area

Integers = npt.NDArray[np.int64]
ANY_FLOOR = 0
"""The code of a floor that is not known, or of an area on no floor in particular."""
_NEAREST_TRIED = 4


class AreaLayers:
    """Areas sorted into layers in which none meets another, so that in each layer a fix has one area or none."""

    def __init__(self, areas: Sequence[Area], floors: Sequence[int], plane: LocalPlane) -> None:
        """floors: each area's code, ANY_FLOOR when it is on all of them. Areas beyond the plane hold nobody."""
        self._plane = plane
        self._floors = np.asarray(floors, dtype=np.int64)
        flat = [_flat(area, plane) for area in areas]
        near = np.array([number for number, area in enumerate(flat) if not area.is_empty], dtype=np.int64)
        self.layers: list[Integers] = [near[numbers] for numbers in _apart([flat[one] for one in near])]
        self._rasters = [ZoneRaster([flat[one] for one in numbers]) for numbers in self.layers]

    def __len__(self) -> int:
        return len(self.layers)

    def locate(self, layer: int, lon: Degrees, lat: Degrees, floor: Integers) -> Integers:
        """(n,) degrees and floor codes → (n,) numbers of areas, OUTSIDE where there is none.

        An area with a floor holds only fixes known to be on it; borders belong to their area.
        """
        x_m, y_m = self._plane.to_metres_or_nan(lon, lat)
        known = np.flatnonzero(~np.isnan(x_m))
        hits = self._rasters[layer].hits(x_m[known], y_m[known])
        number = self.layers[layer][hits.slot]
        point = known[hits.point]
        fits = (self._floors[number] == ANY_FLOOR) | (self._floors[number] == floor[point])
        found = np.full(lon.size, OUTSIDE, dtype=np.int64)
        found[point[fits]] = number[fits]
        return found


class Spots:
    """Points that a fix is at when none is nearer and it is within a radius."""

    def __init__(
        self, lon: Degrees, lat: Degrees, floors: Sequence[int], plane: LocalPlane, *, within_m: float
    ) -> None:
        """(m,) degrees and floor codes of the spots; those beyond the plane are left out."""
        x_m, y_m = plane.to_metres_or_nan(lon, lat)
        self._number = np.flatnonzero(~np.isnan(x_m))
        self._tree = cKDTree(np.column_stack((x_m[self._number], y_m[self._number])))
        self._floors = np.asarray(floors, dtype=np.int64)[self._number]
        self._plane = plane
        self._within_m = within_m

    def locate(self, lon: Degrees, lat: Degrees, floor: Integers) -> Integers:
        """(n,) degrees and floor codes → (n,) numbers of spots, OUTSIDE where none is within the radius.

        A spot and a fix on different known floors never meet; where either is unknown they may.
        """
        found = np.full(lon.size, OUTSIDE, dtype=np.int64)
        x_m, y_m = self._plane.to_metres_or_nan(lon, lat)
        known = np.flatnonzero(~np.isnan(x_m))
        if not known.size or not self._number.size:
            return found
        places = np.column_stack((x_m[known], y_m[known]))
        _, query = self._tree.query(places, k=_NEAREST_TRIED, distance_upper_bound=self._within_m)
        near = np.asarray(query, dtype=np.int64)
        floors = np.append(self._floors, ANY_FLOOR)
        for place in range(_NEAREST_TRIED - 1, -1, -1):
            spot = near[:, place]
            theirs, own = floors[spot], floor[known]
            fits = (spot < self._number.size) & ((theirs == ANY_FLOOR) | (own == ANY_FLOOR) | (theirs == own))
            found[known[fits]] = self._number[spot[fits]]
        return found


def area_m2(area: Area, plane: LocalPlane) -> float:
    """Square metres, of what the plane reaches: an area beyond it has none."""
    return float(_flat(area, plane).area)


def _apart(areas: Sequence[Area]) -> list[Integers]:
    """Greedy: each area goes to the first layer where it meets none."""
    if not areas:
        return []
    one, other = shapely.STRtree(list(areas)).query(list(areas), predicate="intersects")
    layer = np.full(len(areas), -1, dtype=np.int64)
    for number in range(len(areas)):
        taken = set(layer[other[one == number]].tolist())
        layer[number] = next(free for free in range(len(areas)) if free not in taken)
    return [np.flatnonzero(layer == number) for number in range(int(layer.max()) + 1)]


def _flat(area: Area, plane: LocalPlane) -> Area:
    """The area in the plane's metres; an empty one where the plane does not reach."""
    try:
        moved: Area = shapely.transform(
            area, lambda points: np.column_stack(plane.to_metres(points[:, 0], points[:, 1]))
        )
    except OutsidePlane:
        return shapely.MultiPolygon()
    return moved
