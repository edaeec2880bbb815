"""Nearest on the ellipsoid through the unit sphere: candidates by chord, a proven margin, then geodesics.

The map that sends a place to its unit vector (of geodetic longitude and latitude) stretches no length by more than
the ellipsoid's extreme radii of curvature: b²/a along the equator's meridian, a²/b at the poles. So for an angle θ
between two vectors the geodesic lies in [θ·b²/a, θ·a²/b], and whoever is nearest by geodesic is within 1.013 % of
nearest by angle. No plane, no seam at the antimeridian or the poles.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

_MAJOR_M: Final = 6_378_137.0  # WGS-84
_MINOR_M: Final = 6_356_752.314245179
_LEAST_RADIUS_M: Final = _MINOR_M**2 / _MAJOR_M
_GREATEST_RADIUS_M: Final = _MAJOR_M**2 / _MINOR_M
_STRETCH: Final = _GREATEST_RADIUS_M / _LEAST_RADIUS_M * (1 + 1e-9)
_ROUNDING: Final = 1e-12
"""Of a chord; far above the rounding of the vectors, and 6 µm on the ground."""

_GEOD: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """Some of the stores, with a tree over their unit vectors. rows: (m,) their places in the index, neighbours together."""

    rows: Rows
    tree: cKDTree

    @classmethod
    def of(cls, rows: Rows, vectors: Floats) -> "Cluster":
        """The cluster of these rows of (n, 3) unit vectors."""
        # Built twice: with the points in the tree's own order, near ones share cache lines (a seventh quicker).
        # Midpoint splits build quicker than medians, are searched as fast, and cope with piles of equal points.
        rows = rows[_tree(vectors[rows]).indices]
        return cls(rows=rows, tree=_tree(vectors[rows]))

    def __len__(self) -> int:
        return self.rows.size

    def first(self, count: int, origin: tuple[float, float, float]) -> tuple[Floats, Rows]:
        """The `count` nearest of the cluster by chord, nearest first: their chords and rows. 1 < count ≤ m."""
        distances, positions = self.tree.query(origin, k=count)
        return np.asarray(distances), self.rows[positions]


def unit_vectors(lon: Floats, lat: Floats) -> Floats:
    """(n, 3) unit vectors of (n,) degrees."""
    lam, phi = np.radians(lon), np.radians(lat)
    return np.column_stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))


def unit_vector(lon: float, lat: float) -> tuple[float, float, float]:
    """The unit vector of one place in degrees."""
    lam, phi = math.radians(lon), math.radians(lat)
    return (math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi))


def chords(vectors: Floats, origin: tuple[float, float, float]) -> Floats:
    """(n,) straight-line distances from the origin; by differences, so that near ones keep their digits."""
    apart = vectors - np.array(origin)
    squares: Floats = np.einsum("ij,ij->i", apart, apart)
    return np.sqrt(squares)


def widened(chord: float) -> float:
    """A chord that no store can exceed and still be as near, by geodesic, as one at `chord`."""
    return _chord(2 * math.asin(min(chord / 2, 1.0)) * _STRETCH) + _ROUNDING


def chord_of_radius(radius_m: float) -> float:
    """A chord that no store within a geodesic radius exceeds."""
    return _chord(radius_m / _LEAST_RADIUS_M * (1 + 1e-9)) + _ROUNDING


def geodesics_m(lon: float, lat: float, other_lon: Floats, other_lat: Floats) -> Floats:
    """(n,) geodesic metres from one place to (n,) others. Consumes both arrays: they must be the caller's own."""
    # geo.metric.distances_m broadcasts first; for a dozen stores that costs more than their geodesics do.
    _, _, lengths_m = _GEOD.inv(
        np.full_like(other_lon, lon), np.full_like(other_lat, lat), other_lon, other_lat, inplace=True
    )
    return np.asarray(lengths_m, dtype=np.float64)


def _chord(angle: float) -> float:
    return 2 * math.sin(min(angle, math.pi) / 2)


def _tree(vectors: Floats) -> cKDTree:
    return cKDTree(vectors, balanced_tree=False)
