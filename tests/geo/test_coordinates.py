"""Positions refuse what is not a position."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import Fix, LonLat
from geo.errors import CoordinateInvalid, FixInvalid

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HERE = LonLat(lon=121.4737, lat=31.2304)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_every_number_in_range_is_kept(lon: float, lat: float) -> None:
    position = LonLat(lon=lon, lat=lat)
    assert (position.lon, position.lat) == (lon, lat)


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        (180.0001, 0),
        (-181, 0),
        (0, 90.0001),
        (0, -91),
        (float("nan"), 0),
        (0, float("nan")),
        (float("inf"), 0),
        (0, float("-inf")),
        (True, 0),
        (0, False),
        ("121", 31),
        (None, 31),
        (10**400, 0),
    ],
)
def test_what_is_not_a_position_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(CoordinateInvalid, match="must be a"):
        LonLat(lon=lon, lat=lat)


def test_whole_degrees_become_floats() -> None:
    assert isinstance(LonLat(lon=121, lat=31).lon, float)


def test_a_fix_needs_an_offset() -> None:
    with pytest.raises(FixInvalid, match="offset"):
        Fix(position=HERE, at=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("accuracy_m", [-1.0, float("nan"), float("inf")])
def test_a_fix_refuses_an_impossible_accuracy(accuracy_m: float) -> None:
    with pytest.raises(FixInvalid, match="accuracy_m"):
        Fix(position=HERE, at=NOON, accuracy_m=accuracy_m)
