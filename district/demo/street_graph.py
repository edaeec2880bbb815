"""The streets that people walk on, as a graph in metres, and ways along it to the places they walk to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from geo.coordinates import LonLat
from geo.metric import LocalPlane

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
NOT_WALKED = frozenset(
    {"motorway", "motorway_link", "trunk", "trunk_link", "construction", "proposed", "raceway"}
)
NOWHERE = -9999
KEPT_TREES = 1_500
"""Ways to so many places are remembered, 4 bytes a corner each."""
KEY_DECIMALS = 6


@dataclass(kw_only=True)
class StreetGraph:
    """Corners in metres and the streets between them: one connected piece."""

    plane: LocalPlane
    corners_m: Floats
    """(n, 2) float64, metres east and north of the plane's anchor."""
    lengths_m: "csr_matrix[np.float64]"
    edges: Integers
    """(0,) until found: corners at which people come into the district."""
    _tree: "cKDTree[None]" = field(init=False)
    _ways: dict[int, npt.NDArray[np.int32]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._tree = cKDTree(self.corners_m)

    @classmethod
    def of_features(cls, features: Sequence[Mapping[str, Any]], center: LonLat) -> "StreetGraph":
        """The largest connected piece of the walkable lines among GeoJSON features."""
        plane = LocalPlane(anchor=center)
        keys: dict[tuple[float, float], int] = {}
        pairs: set[tuple[int, int]] = set()
        for feature in features:
            if feature["properties"].get("highway") in NOT_WALKED:
                continue
            for line in _lines(feature["geometry"]):
                numbers = [_number(keys, position) for position in line]
                pairs.update((min(pair), max(pair)) for pair in pairwise(numbers))
        degrees = np.array(list(keys), np.float64)
        x_m, y_m = plane.to_metres(degrees[:, 0], degrees[:, 1])
        corners_m = np.column_stack((x_m, y_m))
        ends = np.array(sorted(pair for pair in pairs if pair[0] != pair[1]), np.int64)
        return cls._largest(plane, corners_m, ends)

    @classmethod
    def _largest(cls, plane: LocalPlane, corners_m: Floats, ends: Integers) -> "StreetGraph":
        count = len(corners_m)
        whole = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
        _, labels = connected_components(whole, directed=False)
        largest = np.flatnonzero(labels == np.bincount(labels).argmax())
        renumbered = np.full(count, -1, np.int64)
        renumbered[largest] = np.arange(len(largest))
        kept = renumbered[ends[renumbered[ends[:, 0]] >= 0]]
        corners_m = corners_m[largest]
        length_m = np.maximum(np.hypot(*(corners_m[kept[:, 0]] - corners_m[kept[:, 1]]).T), 0.01)
        shape = (len(largest), len(largest))
        one_way = csr_matrix((length_m, (kept[:, 0], kept[:, 1])), shape=shape)
        return cls(
            plane=plane,
            corners_m=corners_m,
            lengths_m=csr_matrix(one_way.maximum(one_way.T)),
            edges=_outermost(corners_m),
        )

    def nearest(self, points_m: Floats) -> Integers:
        """(n, 2) metres → (n,) nearest corners."""
        _, found = self._tree.query(points_m)
        return np.asarray(found, np.int64)

    def way(self, start: int, end: int) -> Floats:
        """The corners (n, 2) of the shortest way between two corners, both included."""
        towards = self._towards(end)
        passed = [start]
        while passed[-1] != end:
            following = int(towards[passed[-1]])
            if following == NOWHERE:
                break  # never in one connected piece
            passed.append(following)
        way: Floats = self.corners_m[passed]
        return way

    def _towards(self, end: int) -> npt.NDArray[np.int32]:
        """For every corner, the next one on the way to ``end``."""
        found = self._ways.get(end)
        if found is None:
            if len(self._ways) >= KEPT_TREES:
                self._ways.pop(next(iter(self._ways)))
            _, before = dijkstra(
                self.lengths_m, directed=False, indices=np.array(end), return_predecessors=True
            )
            found = self._ways[end] = np.asarray(before, np.int32)
        return found


def _lines(geometry: Mapping[str, Any]) -> Sequence[Sequence[Sequence[float]]]:
    if geometry["type"] == "LineString":
        return [geometry["coordinates"]]
    if geometry["type"] == "MultiLineString":
        found: Sequence[Sequence[Sequence[float]]] = geometry["coordinates"]
        return found
    return []


def _number(keys: dict[tuple[float, float], int], position: Sequence[float]) -> int:
    key = (round(position[0], KEY_DECIMALS), round(position[1], KEY_DECIMALS))
    return keys.setdefault(key, len(keys))


def _outermost(corners_m: Floats, *, sectors: int = 24) -> Integers:
    """The corner furthest out in each direction: where streets lead in from elsewhere."""
    middle = corners_m.mean(axis=0)
    offset = corners_m - middle
    sector = np.floor((np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * sectors).astype(np.int64)
    reach_m = np.hypot(offset[:, 0], offset[:, 1])
    found = [
        inside[reach_m[inside].argmax()]
        for inside in (np.flatnonzero(sector % sectors == number) for number in range(sectors))
        if len(inside)
    ]
    return np.array(found, np.int64)
