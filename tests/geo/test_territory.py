"""Walls within an outline, and how far an area must come to reach inside."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from geo.coordinates import LonLat
from geo.metric import LocalPlane
from geo.territory import reaches_into, walls_within

PLANE = LocalPlane(anchor=LonLat(lon=24.94, lat=60.17), radius_m=2_000)


def box(west_m: float, south_m: float, east_m: float, north_m: float) -> Polygon:
    """A rectangle in WGS-84 from metres around the anchor."""
    flat = shapely.box(west_m, south_m, east_m, north_m)
    return shapely.transform(flat, PLANE.to_degrees, interleaved=False)


WALLS = box(0, 0, 60, 40)


@pytest.mark.parametrize(
    ("east_m", "reaches"), [(-10, False), (0, False), (4.9, False), (5.1, True), (30, True), (100, True)]
)
def test_an_area_reaches_in_when_it_comes_past_the_tolerance(east_m: float, reaches: bool) -> None:
    assert reaches_into(box(-200, -200, east_m, 200), WALLS, tolerance_m=5) is reaches


@pytest.mark.parametrize(("share", "reaches"), [(0.4, False), (0.6, True)])
def test_narrow_walls_are_reached_when_half_of_them_is_covered(share: float, reaches: bool) -> None:
    kiosk = box(0, 0, 8, 8)
    assert reaches_into(box(-50, -50, 8 * share, 50), kiosk, tolerance_m=5) is reaches


def test_a_fence_far_larger_than_the_walls_reaches_them() -> None:
    assert reaches_into(box(-1_400, -1_400, 1_400, 1_400), box(0, 0, 20, 20), tolerance_m=5)


def test_an_area_elsewhere_reaches_nothing() -> None:
    assert not reaches_into(box(500, 500, 700, 700), WALLS, tolerance_m=5)


def test_a_hole_in_the_fence_leaves_the_building_out() -> None:
    ring = shapely.difference(box(-300, -300, 300, 300), box(-10, -10, 70, 50))
    assert not reaches_into(ring, WALLS, tolerance_m=5)


def test_the_walls_are_the_buildings_that_stand_within() -> None:
    outline = box(0, 0, 100, 100)
    own, neighbour = box(10, 10, 40, 40), box(90, 0, 190, 100)
    walls = walls_within(outline, [own, neighbour])
    assert walls.equals_exact(own, 1e-9, normalize=True)


def test_an_outline_without_buildings_is_its_own_walls() -> None:
    outline = box(0, 0, 100, 100)
    assert walls_within(outline, [box(90, 0, 190, 100)]) is outline
    assert walls_within(outline, []) is outline


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(5, 120))
def test_a_larger_area_reaches_whatever_a_smaller_does(x_m: float, y_m: float, half_m: float) -> None:
    small = box(x_m - half_m, y_m - half_m, x_m + half_m, y_m + half_m)
    large = box(x_m - half_m - 3, y_m - half_m - 3, x_m + half_m + 3, y_m + half_m + 3)
    assert reaches_into(large, WALLS, tolerance_m=5) or not reaches_into(small, WALLS, tolerance_m=5)
