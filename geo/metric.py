"""Metres: a local plane around an anchor, and geodesic distances between far places."""

import math
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from geo.coordinates import LonLat
from geo.errors import OutsidePlane, PlaneInvalid

Metres = npt.NDArray[np.float64]
Degrees = npt.NDArray[np.float64]

MAX_ERROR = 0.001
_AXIS_M = 6_378_137.0  # WGS-84
_ECCENTRICITY_2 = 0.00669437999014132


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPlane:
    """Metres east (x) and north (y) of an anchor, at the anchor's WGS-84 meridian and parallel scale.

    The plane is affine in degrees, so straight edges stay straight and containment in the plane equals
    containment in degrees. Lengths from the anchor are wrong by less than 0.1 % within radius_m
    (5 km at |lat| ≤ 60.2°; a plane that cannot promise it is refused); lengths between two points of the
    disc by less than twice `error`, which a 1 km district keeps below 0.03 %. Both are tested.

    Raises: PlaneInvalid when radius_m is too large for 0.1 % at the anchor's latitude.
    """

    anchor: LonLat
    radius_m: float = 5_000.0
    metres_per_lon: float = field(init=False)
    metres_per_lat: float = field(init=False)
    error: float = field(init=False)

    def __post_init__(self) -> None:
        latitude = math.radians(self.anchor.lat)
        if not 0 < self.radius_m < math.inf:
            raise PlaneInvalid("radius_m must be a positive, finite number of metres.")
        flatness = 1 - _ECCENTRICITY_2 * math.sin(latitude) ** 2
        parallel_m = _AXIS_M * math.cos(latitude) / math.sqrt(flatness)
        meridian_m = _AXIS_M * (1 - _ECCENTRICITY_2) / flatness**1.5
        # Half the change of the parallel's scale over the radius, and the neglected second order.
        error = self.radius_m * abs(math.tan(latitude)) / (2 * meridian_m) + (self.radius_m / meridian_m) ** 2
        if error >= MAX_ERROR:
            raise PlaneInvalid(
                f"A plane of {self.radius_m:g} m at latitude {self.anchor.lat:g} would be wrong by 0.1 % or more;"
                " choose a smaller radius_m."
            )
        object.__setattr__(self, "metres_per_lon", math.radians(parallel_m))
        object.__setattr__(self, "metres_per_lat", math.radians(meridian_m))
        object.__setattr__(self, "error", error)

    def to_metres(self, lon: Degrees, lat: Degrees) -> tuple[Metres, Metres]:
        """(n,) degrees → (n,) metres x and y.

        Raises: OutsidePlane if any point is further from the anchor than radius_m, or is NaN.
        """
        x_m, y_m = self._project(lon, lat)
        if not np.all(self._near(x_m, y_m)):
            raise OutsidePlane(
                f"A point lies further than {self.radius_m:g} m from the district's anchor; check lon and lat."
            )
        return x_m, y_m

    def to_metres_or_nan(self, lon: Degrees, lat: Degrees) -> tuple[Metres, Metres]:
        """Like to_metres for streams: points outside the plane come back as NaN instead of an error."""
        x_m, y_m = self._project(lon, lat)
        near = self._near(x_m, y_m)
        if near.all():
            return x_m, y_m
        return np.where(near, x_m, np.nan), np.where(near, y_m, np.nan)

    def to_degrees(self, x_m: Metres, y_m: Metres) -> tuple[Degrees, Degrees]:
        """(n,) metres → (n,) degrees lon and lat; the inverse of to_metres, with the same refusal."""
        if not np.all(self._near(x_m, y_m)):
            raise OutsidePlane(f"A point lies further than {self.radius_m:g} m from the plane's anchor.")
        return x_m / self.metres_per_lon + self.anchor.lon, y_m / self.metres_per_lat + self.anchor.lat

    def metres_of(self, position: LonLat) -> tuple[float, float]:
        """(x, y) in metres of one position; raises OutsidePlane like to_metres."""
        x_m, y_m = self.to_metres(np.array([position.lon]), np.array([position.lat]))
        return float(x_m[0]), float(y_m[0])

    def position_at(self, *, x_m: float, y_m: float) -> LonLat:
        """The position x_m east and y_m north of the anchor; raises OutsidePlane like to_metres."""
        lon, lat = self.to_degrees(np.array([x_m]), np.array([y_m]))
        return LonLat(lon=float(lon[0]), lat=float(lat[0]))

    def _project(self, lon: Degrees, lat: Degrees) -> tuple[Metres, Metres]:
        return (lon - self.anchor.lon) * self.metres_per_lon, (lat - self.anchor.lat) * self.metres_per_lat

    def _near(self, x_m: Metres, y_m: Metres) -> npt.NDArray[np.bool_]:
        # A point on the circle, such as a buffer's own vertex, must survive its rounding.
        near: npt.NDArray[np.bool_] = x_m * x_m + y_m * y_m <= self.radius_m**2 * (1 + 1e-9)
        return near


def distance_m(start: LonLat, end: LonLat) -> float:
    """Geodesic distance on WGS-84, in metres."""
    _, _, length_m = _geod().inv(start.lon, start.lat, end.lon, end.lat)
    return float(length_m)


def distances_m(start_lon: Degrees, start_lat: Degrees, end_lon: Degrees, end_lat: Degrees) -> Metres:
    """Geodesic distances on WGS-84 between (n,) degrees and (n,) or scalar degrees: (n,) metres."""
    broadcast = np.broadcast_arrays(start_lon, start_lat, end_lon, end_lat)
    lon, lat, other_lon, other_lat = (np.array(values, dtype=np.float64) for values in broadcast)
    _, _, lengths_m = _geod().inv(lon, lat, other_lon, other_lat)
    return np.asarray(lengths_m, dtype=np.float64)


@cache
def _geod() -> Geod:
    return Geod(ellps="WGS84")
