"""The datums of Chinese maps: WGS-84, GCJ-02 and BD-09, converted once, at the edge.

GCJ-02 bends WGS-84 inside a box around China and leaves the rest alone; BD-09 turns and shifts GCJ-02
everywhere. Neither has an official text: the constants are those every public implementation shares,
and the tests hold them against two oracles. The inverses are found by iteration, to below a micrometre.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from geo.coordinates import LonLat

Degrees = npt.NDArray[np.float64]
_Transform = Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]

_AXIS_M = 6_378_245.0  # Krasovsky 1940, which GCJ-02 mixes into WGS-84
_ECCENTRICITY_2 = 0.00669342162296594323
_BOX_LON = (72.004, 137.8347)
_BOX_LAT = (0.8293, 55.8271)
_BAIDU_LON, _BAIDU_LAT = 0.0065, 0.006
_INVERSE_STEPS = 12  # each step shrinks the error at least thirty times; two to five are used
_INVERSE_DEGREES = 1e-13


class Datum(StrEnum):
    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_wgs84(position: LonLat, datum: Datum) -> LonLat:
    """The WGS-84 position of numbers given in `datum` (whose range checks are those of LonLat)."""
    lon, lat = to_wgs84_arrays(np.array([position.lon]), np.array([position.lat]), datum)
    return LonLat(lon=float(lon[0]), lat=float(lat[0]))


def from_wgs84(position: LonLat, datum: Datum) -> LonLat:
    """The numbers by which a map in `datum` shows a WGS-84 position."""
    lon, lat = from_wgs84_arrays(np.array([position.lon]), np.array([position.lat]), datum)
    return LonLat(lon=float(lon[0]), lat=float(lat[0]))


def to_wgs84_arrays(lon: Degrees, lat: Degrees, datum: Datum) -> tuple[Degrees, Degrees]:
    """Like to_wgs84, for (n,) float64 degrees; NaN stays NaN."""
    if datum is Datum.WGS84:
        return lon, lat
    if datum is Datum.BD09:
        lon, lat = _inverse(_gcj02_to_bd09, lon, lat)
    wgs_lon, wgs_lat = _inverse(_bend, lon, lat)
    bent = _in_box(wgs_lon, wgs_lat)
    return np.where(bent, wgs_lon, lon), np.where(bent, wgs_lat, lat)


def from_wgs84_arrays(lon: Degrees, lat: Degrees, datum: Datum) -> tuple[Degrees, Degrees]:
    """Like from_wgs84, for (n,) float64 degrees; NaN stays NaN."""
    if datum is Datum.WGS84:
        return lon, lat
    bent = _in_box(lon, lat)
    gcj_lon, gcj_lat = _bend(lon, lat)
    lon, lat = np.where(bent, gcj_lon, lon), np.where(bent, gcj_lat, lat)
    return _gcj02_to_bd09(lon, lat) if datum is Datum.BD09 else (lon, lat)


def _in_box(lon: Degrees, lat: Degrees) -> npt.NDArray[np.bool_]:
    return (lon >= _BOX_LON[0]) & (lon <= _BOX_LON[1]) & (lat >= _BOX_LAT[0]) & (lat <= _BOX_LAT[1])


def _inverse(forward: _Transform, lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    guess_lon, guess_lat = lon, lat
    for _ in range(_INVERSE_STEPS):
        out_lon, out_lat = forward(guess_lon, guess_lat)
        miss_lon, miss_lat = out_lon - lon, out_lat - lat
        guess_lon, guess_lat = guess_lon - miss_lon, guess_lat - miss_lat
        if not np.any(np.abs(miss_lon) + np.abs(miss_lat) > _INVERSE_DEGREES):
            break
    return guess_lon, guess_lat


def _waves(degrees: Degrees, *terms: tuple[float, float]) -> Degrees:
    """The sum of amplitude · sin(π · degrees · frequency), times 20/3: metres."""
    total = np.zeros_like(degrees)
    for amplitude, frequency in terms:
        total += amplitude * np.sin(np.pi * degrees * frequency)
    return total * (20 / 3)


def _bend(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon - 105.0, lat - 35.0
    shared = _waves(x, (2, 6), (2, 2))
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north_m += shared + _waves(y, (2, 1), (4, 1 / 3), (16, 1 / 12), (32, 1 / 30))
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east_m += shared + _waves(x, (2, 1), (4, 1 / 3), (15, 1 / 12), (30, 1 / 30))
    latitude = np.radians(lat)
    flatness = 1 - _ECCENTRICITY_2 * np.sin(latitude) ** 2
    degree_lat_m = np.radians(_AXIS_M * (1 - _ECCENTRICITY_2) / flatness**1.5)
    # Outside the box the bend is computed and thrown away; keep the poles from dividing by zero.
    degree_lon_m = np.radians(_AXIS_M * np.maximum(np.cos(latitude), 0.01) / np.sqrt(flatness))
    return lon + east_m / degree_lon_m, lat + north_m / degree_lat_m


def _gcj02_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(np.radians(lat) * 3000)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(np.radians(lon) * 3000)
    return radius * np.cos(angle) + _BAIDU_LON, radius * np.sin(angle) + _BAIDU_LAT
