"""Where fixes are: overlapping areas, floors, and the nearest spot."""

import numpy as np
import pytest
from shapely import Point, Polygon, box

from geo.coordinates import LonLat
from geo.metric import LocalPlane
from geo.presence import ANY_FLOOR, AreaLayers, Spots, area_m2
from geo.visits import OUTSIDE
from geo.zones import Area

CENTER = LonLat(lon=24.9445, lat=60.1689)
PLANE = LocalPlane(anchor=CENTER)
STEP = 0.001


def around(column: float, row: float, half: float = 0.5) -> Polygon:
    lon, lat = CENTER.lon + column * STEP, CENTER.lat + row * STEP
    return box(lon - half * STEP, lat - half * STEP, lon + half * STEP, lat + half * STEP)


def located(layers: AreaLayers, points: list[tuple[float, float]], floors: list[int]) -> list[set[int]]:
    lon = np.array([CENTER.lon + column * STEP for column, _ in points])
    lat = np.array([CENTER.lat + row * STEP for _, row in points])
    floor = np.array(floors, np.int64)
    found: list[set[int]] = [set() for _ in points]
    for layer in range(len(layers)):
        for place, number in enumerate(layers.locate(layer, lon, lat, floor).tolist()):
            if number != OUTSIDE:
                found[place].add(number)
    return found


def test_areas_that_meet_are_in_different_layers_and_each_is_found() -> None:
    areas: list[Area] = [around(0, 0), around(0.3, 0), around(2, 0), around(3, 0)]
    layers = AreaLayers(areas, [ANY_FLOOR] * 4, PLANE)
    assert sorted(number for numbers in layers.layers for number in numbers.tolist()) == [0, 1, 2, 3]
    for numbers in layers.layers:
        apart = [areas[number] for number in numbers.tolist()]
        assert not any(
            one.intersects(other) for place, one in enumerate(apart) for other in apart[place + 1 :]
        )
    places = [(0.0, 0.0), (-0.4, 0.0), (0.7, 0.0), (2.0, 0.2), (9.0, 9.0)]
    assert located(layers, places, [0] * 5) == [{0, 1}, {0}, {1}, {2}, set()]


def test_an_area_with_a_floor_holds_only_fixes_known_to_be_on_it() -> None:
    layers = AreaLayers([around(0, 0), around(0, 0)], [1, ANY_FLOOR], PLANE)
    assert located(layers, [(0.0, 0.0)] * 3, [1, 2, ANY_FLOOR]) == [{0, 1}, {1}, {1}]


def test_random_fixes_are_where_shapely_says() -> None:
    random = np.random.default_rng(7)
    areas: list[Area] = [
        around(float(column), float(row), float(half))
        for column, row, half in random.uniform((-3, -3, 0.2), (3, 3, 1.5), (12, 3))
    ]
    layers = AreaLayers(areas, [ANY_FLOOR] * 12, PLANE)
    points = [(float(one), float(other)) for one, other in random.uniform(-4, 4, (500, 2))]
    found = located(layers, points, [0] * 500)
    for (column, row), numbers in zip(points, found, strict=True):
        point = Point(CENTER.lon + column * STEP, CENTER.lat + row * STEP)
        assert numbers == {number for number, area in enumerate(areas) if area.intersects(point)}


def test_an_area_beyond_the_plane_holds_nobody() -> None:
    layers = AreaLayers([around(500, 0)], [ANY_FLOOR], PLANE)
    assert located(layers, [(0.0, 0.0), (500.0, 0.0)], [0, 0]) == [set(), set()]


@pytest.mark.parametrize(
    ("east_m", "floor", "expected"),
    [
        (0.0, 0, 0),
        (4.0, 0, 0),
        (6.0, 0, 1),
        (24.0, 0, 1),
        (26.0, 0, OUTSIDE),
        (4.0, 2, 1),
        (-10.0, 2, OUTSIDE),
    ],
)
def test_the_nearest_spot_on_no_other_floor_counts(east_m: float, floor: int, expected: int) -> None:
    second = PLANE.position_at(x_m=10.0, y_m=0.0)
    spots = Spots(
        np.array([CENTER.lon, second.lon]),
        np.array([CENTER.lat, second.lat]),
        [1, ANY_FLOOR],
        PLANE,
        within_m=15.0,
    )
    at = PLANE.position_at(x_m=east_m, y_m=0.0)
    found = spots.locate(np.array([at.lon]), np.array([at.lat]), np.array([floor], np.int64))
    assert found.tolist() == [expected]


def test_no_spots_find_nobody() -> None:
    spots = Spots(np.empty(0), np.empty(0), [], PLANE, within_m=15.0)
    found = spots.locate(np.array([CENTER.lon]), np.array([CENTER.lat]), np.zeros(1, np.int64))
    assert found.tolist() == [OUTSIDE]


def test_the_size_of_an_area_is_in_square_metres() -> None:
    one, other = PLANE.position_at(x_m=-50, y_m=-10), PLANE.position_at(x_m=50, y_m=10)
    assert area_m2(box(one.lon, one.lat, other.lon, other.lat), PLANE) == pytest.approx(2_000, rel=1e-3)
