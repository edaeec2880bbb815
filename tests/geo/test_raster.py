"""The raster equals GEOS for every point, wherever it lies, and through live changes."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

from geo.errors import FenceRefused
from geo.raster import ZoneRaster, mask_of, pairs_of
from geo.zones import Area

Floats = npt.NDArray[np.float64]


def ring_of(rng: np.random.Generator, x: float, y: float, radius: float, corners: int) -> Floats:
    angle = np.sort(rng.random(corners)) * 2 * np.pi
    length = radius * (0.4 + 0.6 * rng.random(corners))
    return np.column_stack((x + length * np.cos(angle), y + length * np.sin(angle)))


def one_area(rng: np.random.Generator) -> Area:
    """A blob, a box on whole metres, a blob with holes, or two blobs as one area."""
    kind = rng.integers(4)
    x, y = rng.random(2) * 100 - 50
    if kind == 0:
        left, bottom, width, height = np.floor(x), np.floor(y), rng.integers(1, 30), rng.integers(1, 30)
        return shapely.box(left, bottom, left + width, bottom + height)
    blob = Polygon(ring_of(rng, x, y, 4 + 25 * rng.random(), int(rng.integers(3, 20))))
    if kind == 1:
        return blob
    inner = Polygon(ring_of(rng, x, y, 3, 5))
    if not (blob.is_valid and inner.is_valid):
        return blob
    if kind == 2:
        return shapely.difference(blob, inner)
    return shapely.union(blob, shapely.transform(inner, lambda points: points + 40))


def areas(seed: int, count: int) -> list[Area]:
    rng = np.random.default_rng(seed)
    made: list[Area] = []
    while len(made) < count:
        area = one_area(rng)
        if isinstance(area, Polygon | MultiPolygon) and shapely.is_valid(area) and not area.is_empty:
            made.append(area)
    return made


def adversarial(rng: np.random.Generator, zones: list[Area], raster: ZoneRaster) -> Floats:
    """Vertices, points on edges, cell corners ± 1 ulp, cell edges, and points all over and off the grid."""
    vertices = shapely.get_coordinates(np.array(zones, dtype=object))
    along = rng.random((len(vertices) - 1, 1))
    edges = vertices[:-1] + (vertices[1:] - vertices[:-1]) * along
    grid = raster.grid
    corners = (
        np.column_stack((rng.integers(0, grid.columns, 300), rng.integers(0, grid.rows, 300))) * grid.cell_m
    )
    corners = corners + np.array([grid.west_m, grid.south_m])
    sides = np.column_stack((corners[:, 0], rng.random(300) * 100 - 50))
    nearby = vertices + rng.choice([-1e-7, 1e-7, -1e-9, 1e-9, 0], vertices.shape)
    everywhere = rng.random((600, 2)) * 300 - 150
    exact = [vertices, edges, corners, sides]
    around = [np.nextafter(points, side) for points in exact for side in (-1e9, 1e9)]
    return np.concatenate([*exact, *around, nearby, everywhere])


def truth(zones: dict[int, Area], points: Floats) -> set[tuple[int, int]]:
    pairs = set()
    for slot, zone in zones.items():
        inside = shapely.intersects(zone, shapely.points(points))
        pairs |= {(int(point), slot) for point in np.flatnonzero(inside)}
    return pairs


def found(raster: ZoneRaster, points: Floats) -> set[tuple[int, int]]:
    hits = raster.hits(points[:, 0], points[:, 1])
    pairs = list(zip(hits.point.tolist(), hits.slot.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    return set(pairs)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from([0.9, 2.0, 3.7, 8.0, 40.0]), st.integers(1, 90))
def test_every_point_is_answered_as_geos_does(seed: int, cell_m: float, count: int) -> None:
    zones = areas(seed, count)
    raster = ZoneRaster(zones, cell_m=cell_m)
    points = adversarial(np.random.default_rng(seed), zones, raster)
    assert found(raster, points) == truth(dict(enumerate(zones)), points)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32), st.sampled_from([2.0, 3.7]))
def test_areas_put_in_and_taken_out_leave_the_raster_exact(seed: int, cell_m: float) -> None:
    zones = areas(seed, 40)
    rng = np.random.default_rng(seed)
    raster = ZoneRaster(zones[:20], cell_m=cell_m, capacity=20)
    live = dict(enumerate(zones[:20]))
    raster.grow(130)
    gone = [int(slot) for slot in rng.choice(20, 7, replace=False)]
    raster.clear(gone)
    for slot in gone:
        del live[slot]
    far = shapely.transform(zones[20], lambda points: points + 500)
    new = {gone[0]: zones[21], gone[1]: far, 127: zones[22], 64: zones[23]}
    raster.put(list(new), list(new.values()))
    live |= new
    points = adversarial(rng, list(live.values()), raster)
    assert found(raster, points) == truth(live, points)
    raster.clear(list(live))
    assert not raster.bits.any()
    assert found(raster, points) == set()


def test_a_slot_in_use_is_not_filled_again() -> None:
    zone = shapely.box(0, 0, 10, 10)
    raster = ZoneRaster([zone])
    with pytest.raises(FenceRefused, match="slot"):
        raster.put([0], [zone])
    with pytest.raises(FenceRefused, match="slot"):
        raster.put([1, 1], [zone, zone])


def test_nan_and_far_points_are_nowhere() -> None:
    raster = ZoneRaster([shapely.box(0, 0, 10, 10)], capacity=2)
    raster.put([1], [shapely.box(-900, -900, -800, -800)])
    x = np.array([np.nan, 5.0, 5.0, np.inf, -1e300, 5.0])
    y = np.array([5.0, np.nan, 5.0, 5.0, 5.0, 1e300])
    assert raster.hits(x, y).point.tolist() == [2]


def test_only_allowed_slots_are_answered() -> None:
    zones = areas(7, 70)
    raster = ZoneRaster(zones)
    points = adversarial(np.random.default_rng(7), zones, raster)
    allowed = mask_of(range(0, 70, 3), raster.words)
    pairs = pairs_of(raster.locate(points[:, 0], points[:, 1], allowed[np.newaxis, :]))
    expected = {pair for pair in truth(dict(enumerate(zones)), points) if pair[1] % 3 == 0}
    assert set(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)) == expected


@pytest.mark.parametrize("make", [ZoneRaster, lambda: ZoneRaster(capacity=100)])
def test_an_empty_raster_takes_areas_later(make: Callable[[], ZoneRaster]) -> None:
    raster = make()
    assert not raster.locate(np.array([0.0]), np.array([0.0])).any()
    raster.put([3], [shapely.box(-5, -5, 500, 500)])
    assert raster.hits(np.array([0.0, 400.0, 600.0]), np.array([0.0, 400.0, 0.0])).point.tolist() == [0, 1]


def test_memory_is_bounded_by_larger_cells() -> None:
    zones = [shapely.box(i * 50, 0, i * 50 + 2_000, 2_000) for i in range(200)]
    raster = ZoneRaster(zones, max_bytes=2**20)
    assert raster.bits.nbytes <= 2**20 + 8 * raster.words
    assert raster.grid.cell_m > 2


def test_a_year_of_changes_leaves_no_lines_behind() -> None:
    circle = shapely.Point(0, 0).buffer(30, quad_segs=64)
    raster = ZoneRaster([circle], capacity=64)
    points = np.random.default_rng(1).random((2_000, 2)) * 80 - 40
    for turn in range(120):
        moved = shapely.transform(circle, lambda corners, turn=turn: corners + turn % 7)
        raster.put([1], [moved])
        if turn % 40 == 0:
            assert found(raster, points) == truth({0: circle, 1: moved}, points)
        raster.clear([1])
    assert raster.border_lines < 6_000
