"""The local plane against geodesics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geo.coordinates import LonLat
from geo.errors import OutsidePlane, PlaneInvalid
from geo.metric import LocalPlane, distance_m, distances_m

GEOD = Geod(ellps="WGS84")
latitudes = st.floats(-60.2, 60.2)
longitudes = st.floats(-179, 179)
bearings = st.floats(0, 360)
polar = st.tuples(bearings, st.floats(0, 4_900))


@given(longitudes, latitudes, bearings, st.floats(1, 4_980))
def test_lengths_from_the_anchor_are_right_within_a_thousandth(
    lon: float, lat: float, bearing: float, length_m: float
) -> None:
    plane = LocalPlane(anchor=LonLat(lon=lon, lat=lat))
    end_lon, end_lat, _ = GEOD.fwd(lon, lat, bearing, length_m)
    x_m, y_m = plane.metres_of(LonLat(lon=end_lon, lat=end_lat))
    assert abs(math.hypot(x_m, y_m) / length_m - 1) < 0.001
    assert abs(math.hypot(x_m, y_m) / length_m - 1) <= plane.error + 1e-6


@given(longitudes, latitudes, polar, polar)
def test_lengths_inside_the_disc_keep_the_stated_bound(
    lon: float, lat: float, start: tuple[float, float], end: tuple[float, float]
) -> None:
    plane = LocalPlane(anchor=LonLat(lon=lon, lat=lat))
    a_lon, a_lat, _ = GEOD.fwd(lon, lat, *start)
    b_lon, b_lat, _ = GEOD.fwd(lon, lat, *end)
    _, _, truth_m = GEOD.inv(a_lon, a_lat, b_lon, b_lat)
    if truth_m < 1:
        return
    (ax, bx), (ay, by) = plane.to_metres(np.array([a_lon, b_lon]), np.array([a_lat, b_lat]))
    assert abs(math.hypot(ax - bx, ay - by) / truth_m - 1) <= 2 * plane.error + 1e-6


@given(longitudes, latitudes, st.floats(-3_500, 3_500), st.floats(-3_500, 3_500))
def test_metres_and_degrees_are_inverse(lon: float, lat: float, x_m: float, y_m: float) -> None:
    plane = LocalPlane(anchor=LonLat(lon=lon, lat=lat))
    assert plane.metres_of(plane.position_at(x_m=x_m, y_m=y_m)) == pytest.approx((x_m, y_m), abs=1e-5)


def test_a_point_beyond_the_radius_is_refused() -> None:
    plane = LocalPlane(anchor=LonLat(lon=24.94, lat=60.17), radius_m=2_000)
    with pytest.raises(OutsidePlane, match="2000 m"):
        plane.metres_of(LonLat(lon=24.94, lat=60.19))
    with pytest.raises(OutsidePlane):
        plane.position_at(x_m=2_001, y_m=0)
    with pytest.raises(OutsidePlane):
        plane.to_metres(np.array([np.nan]), np.array([60.17]))


def test_streams_get_nan_for_far_points() -> None:
    plane = LocalPlane(anchor=LonLat(lon=24.94, lat=60.17))
    x_m, y_m = plane.to_metres_or_nan(np.array([24.94, 0.0]), np.array([60.17, 0.0]))
    assert (x_m[0], y_m[0]) == (0, 0)
    assert np.isnan(x_m[1])
    assert np.isnan(y_m[1])


@pytest.mark.parametrize(
    ("lat", "radius_m"), [(75.0, 5_000.0), (90.0, 10.0), (0.0, 0.0), (0.0, math.nan), (31.0, 60_000.0)]
)
def test_a_plane_that_cannot_keep_its_promise_is_refused(lat: float, radius_m: float) -> None:
    with pytest.raises(PlaneInvalid, match="radius_m"):
        LocalPlane(anchor=LonLat(lon=0, lat=lat), radius_m=radius_m)


def test_many_distances_equal_single_ones() -> None:
    here = LonLat(lon=121.4737, lat=31.2304)
    lon, lat = np.array([121.48, -70.0, 121.4737]), np.array([31.24, -33.0, 31.2304])
    many_m = distances_m(lon, lat, np.float64(here.lon) * np.ones(3), np.float64(here.lat) * np.ones(3))
    assert many_m[2] == 0
    for i in range(3):
        assert many_m[i] == pytest.approx(
            distance_m(LonLat(lon=float(lon[i]), lat=float(lat[i])), here), abs=1e-6
        )
