"""GCJ-02 and BD-09 against two oracles, and back again."""

import csv
import warnings
from pathlib import Path

import numpy as np
import prcoords
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84, from_wgs84_arrays, to_wgs84, to_wgs84_arrays
from geo.metric import distance_m

ORACLE = Path(__file__).parents[3] / "shared" / "data" / "coord_oracle" / "wgs_gcj_bd_sample.csv"
PEOPLES_SQUARE = LonLat(lon=121.4737, lat=31.2304)


@pytest.mark.skipif(not ORACLE.exists(), reason="the coordinate oracle is not beside this checkout")
def test_the_oracle_agrees_within_two_centimetres() -> None:
    with ORACLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 4
    for row in rows:
        wgs84 = LonLat(lon=float(row["wgs_lon"]), lat=float(row["wgs_lat"]))
        for datum, prefix in ((Datum.GCJ02, "gcj"), (Datum.BD09, "bd09")):
            shown = LonLat(lon=float(row[f"{prefix}_lon"]), lat=float(row[f"{prefix}_lat"]))
            assert distance_m(from_wgs84(wgs84, datum), shown) < 0.02
            assert distance_m(to_wgs84(shown, datum), wgs84) < 0.02


def test_the_square_in_shanghai_moves_by_the_known_amount() -> None:
    gcj02 = from_wgs84(PEOPLES_SQUARE, Datum.GCJ02)
    bd09 = from_wgs84(PEOPLES_SQUARE, Datum.BD09)
    assert (gcj02.lon, gcj02.lat) == pytest.approx((121.47821, 31.22842), abs=2e-4)
    assert 450 < distance_m(PEOPLES_SQUARE, gcj02) < 600
    assert 900 < distance_m(PEOPLES_SQUARE, bd09) < 1_400


@given(st.floats(73, 135), st.floats(4, 53))
def test_an_independent_library_agrees(lon: float, lat: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gcj02, bd09 = prcoords.wgs_gcj((lat, lon)), prcoords.wgs_bd((lat, lon))
    ours = from_wgs84(LonLat(lon=lon, lat=lat), Datum.GCJ02), from_wgs84(LonLat(lon=lon, lat=lat), Datum.BD09)
    assert (ours[0].lat, ours[0].lon) == pytest.approx(tuple(gcj02), abs=1e-9)
    assert (ours[1].lat, ours[1].lon) == pytest.approx(tuple(bd09), abs=1e-9)


@given(st.floats(73, 135), st.floats(4, 53), st.sampled_from(Datum))
def test_there_and_back_is_within_a_micrometre(lon: float, lat: float, datum: Datum) -> None:
    start = LonLat(lon=lon, lat=lat)
    assert distance_m(to_wgs84(from_wgs84(start, datum), datum), start) < 1e-6


@given(st.floats(-170, 60), st.floats(-80, 80))
def test_gcj02_leaves_the_rest_of_the_world_alone(lon: float, lat: float) -> None:
    here = LonLat(lon=lon, lat=lat)
    assert from_wgs84(here, Datum.GCJ02) == here
    assert to_wgs84(here, Datum.GCJ02) == here


@pytest.mark.parametrize("datum", list(Datum))
def test_arrays_equal_single_conversions(datum: Datum) -> None:
    lon, lat = np.array([121.4737, 116.397, 24.94]), np.array([31.2304, 39.908, 60.17])
    shown_lon, shown_lat = from_wgs84_arrays(lon, lat, datum)
    back_lon, back_lat = to_wgs84_arrays(shown_lon, shown_lat, datum)
    for i in range(3):
        one = from_wgs84(LonLat(lon=float(lon[i]), lat=float(lat[i])), datum)
        assert (one.lon, one.lat) == (shown_lon[i], shown_lat[i])
    assert np.allclose(back_lon, lat * 0 + lon, atol=1e-11, rtol=0)
    assert np.allclose(back_lat, lat, atol=1e-11, rtol=0)


def test_missing_numbers_stay_missing() -> None:
    lon, lat = to_wgs84_arrays(np.array([np.nan, 121.0]), np.array([31.0, 31.0]), Datum.BD09)
    assert np.isnan(lon[0])
    assert np.isfinite(lon[1])
    assert np.isfinite(lat[1])
