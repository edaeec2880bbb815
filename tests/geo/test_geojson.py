"""Hostile GeoJSON is refused by name; good polygons come through untouched."""

import json
import math
import time
from typing import Any, NoReturn

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import geojson
from geo.coordinates import LonLat
from geo.errors import (
    BadPosition,
    CrossesAntimeridian,
    GeoError,
    GeometryRefused,
    NotPolygon,
    OutsidePlane,
    RingNotClosed,
    SelfCrossing,
    TooManyVertices,
    WrongReferenceSystem,
)
from geo.metric import distance_m

SQUARE = [[24.94, 60.17], [24.95, 60.17], [24.95, 60.18], [24.94, 60.18], [24.94, 60.17]]
HOLE = [[24.942, 60.172], [24.948, 60.172], [24.948, 60.178], [24.942, 60.178], [24.942, 60.172]]
AWAY = [[24.96, 60.17], [24.97, 60.17], [24.97, 60.18], [24.96, 60.17]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def star(points: int) -> list[list[float]]:
    """A ring in which every edge crosses many others."""
    step = points // 2 - 1 if points // 2 % 2 == 0 else points // 2
    angles = [2 * math.pi * step * i / points for i in range(points)]
    ring = [[24.94 + 0.01 * math.cos(a), 60.17 + 0.01 * math.sin(a)] for a in angles]
    return [*ring, ring[0]]


def with_value(value: object) -> list[Any]:
    return [SQUARE[0], [value, 60.17], *SQUARE[2:]]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (None, NotPolygon),
        ([], NotPolygon),
        ("Polygon", NotPolygon),
        ({}, NotPolygon),
        ({"type": ["Polygon"] * 1, "coordinates": []}, NotPolygon),
        ({"type": "Point", "coordinates": [24.9, 60.1]}, NotPolygon),
        ({"type": "Feature", "geometry": None}, NotPolygon),
        ({"type": "FeatureCollection", "features": []}, NotPolygon),
        ({"type": "GeometryCollection", "geometries": [polygon(SQUARE)]}, NotPolygon),
        ({"type": "Polygon"}, BadPosition),
        (polygon(), BadPosition),
        (polygon("ring"), BadPosition),
        (polygon({"0": 1}), BadPosition),
        ({"type": "MultiPolygon", "coordinates": [[]]}, BadPosition),
        ({"type": "MultiPolygon", "coordinates": [SQUARE]}, RingNotClosed),
        (polygon(with_value("24.95")), BadPosition),
        (polygon(with_value(True)), BadPosition),
        (polygon(with_value(None)), BadPosition),
        (polygon(with_value(math.nan)), BadPosition),
        (polygon(with_value(math.inf)), BadPosition),
        (polygon(with_value(10**400)), BadPosition),
        (polygon(with_value([24.95])), BadPosition),
        (polygon(with_value(200.0)), BadPosition),
        (polygon([*SQUARE[:1], [24.95, 60.17, 3.0], *SQUARE[2:]]), BadPosition),
        (polygon([[24.94, 91.0], *SQUARE[1:4], [24.94, 91.0]]), BadPosition),
        (polygon(with_value(2_776_000.0)), WrongReferenceSystem),
        (
            {**polygon(SQUARE), "crs": {"type": "name", "properties": {"name": "EPSG:3857"}}},
            WrongReferenceSystem,
        ),
        ({**polygon(SQUARE), "crs": "EPSG:3067"}, WrongReferenceSystem),
        ({**polygon(SQUARE), "crs": None}, WrongReferenceSystem),
        (polygon(SQUARE[:3]), RingNotClosed),
        (polygon(SQUARE[:4]), RingNotClosed),
        (
            polygon([[179.9, 0.0], [-179.9, 0.0], [-179.9, 1.0], [179.9, 1.0], [179.9, 0.0]]),
            CrossesAntimeridian,
        ),
        (polygon([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]), SelfCrossing),
        (polygon(SQUARE, AWAY), SelfCrossing),
        (polygon([SQUARE[0]] * 5), SelfCrossing),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, SelfCrossing),
        (polygon([[0.0, 0.0]] * 501), TooManyVertices),
        (polygon(*[[[0.0, 0.0]] * 401] * 5), TooManyVertices),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE]] * 2_001}, TooManyVertices),
    ],
)
def test_what_is_not_a_clean_polygon_is_refused_by_name(body: object, error: type[GeometryRefused]) -> None:
    with pytest.raises(error) as caught:
        geojson.parse(body)
    assert type(caught.value) is error
    assert str(caught.value).endswith(".")


def test_a_polygon_with_a_hole_comes_through_untouched() -> None:
    area = geojson.parse(polygon(SQUARE, HOLE))
    assert geojson.dump(area) == polygon(SQUARE, HOLE)


def test_a_multipolygon_in_a_feature_comes_through_untouched() -> None:
    geometry = {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [AWAY]]}
    area = geojson.parse({"type": "Feature", "properties": {"name": "x"}, "geometry": geometry})
    assert geojson.dump(area) == geometry


def test_crs84_may_be_declared() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert geojson.parse({**polygon(SQUARE), "crs": crs}).area > 0


def test_a_star_at_the_cap_is_refused_quickly() -> None:
    started = time.process_time()
    with pytest.raises(SelfCrossing):
        geojson.parse(polygon(star(499)))
    assert time.process_time() - started < 10


def test_a_million_vertices_are_refused_before_any_is_read() -> None:
    class Unread(list[list[float]]):
        def __iter__(self) -> NoReturn:
            pytest.fail("a vertex was read")

        def __getitem__(self, place: object) -> NoReturn:
            pytest.fail("a vertex was read")

    with pytest.raises(TooManyVertices):
        geojson.parse(polygon(Unread([[0.0, 0.0]] * 1_000_000)))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["type", "coordinates", "crs"]), inner)
    ),
    max_leaves=30,
)


@given(json_values, st.sampled_from(["Polygon", "MultiPolygon", "Feature"]))
def test_no_json_breaks_the_parser(value: object, kind: str) -> None:
    for body in (value, {"type": kind, "coordinates": value}, {"type": kind, "geometry": value}):
        try:
            area = geojson.parse(body)
        except GeometryRefused:
            continue
        assert shapely.is_valid(area)


@given(st.floats(-179, 179), st.floats(-70, 70), st.floats(1, 2_000))
def test_a_circle_keeps_its_radius_within_a_thousandth(lon: float, lat: float, radius_m: float) -> None:
    center = LonLat(lon=lon, lat=lat)
    area = geojson.circle(center, radius_m)
    for x, y in shapely.get_coordinates(area)[:-1]:
        assert distance_m(center, LonLat(lon=float(x), lat=float(y))) == pytest.approx(radius_m, rel=1e-3)


@pytest.mark.parametrize("length_m", [0.0, -5.0, math.nan, math.inf, 2_000.1])
def test_impossible_lengths_are_refused(length_m: float) -> None:
    with pytest.raises(GeometryRefused, match="between 0 and 2000"):
        geojson.circle(LonLat(lon=0, lat=0), length_m)
    with pytest.raises(GeometryRefused, match="between 0 and 2000"):
        geojson.buffer(geojson.parse(polygon(SQUARE)), length_m)


def test_a_buffer_lies_its_metres_outside() -> None:
    center = LonLat(lon=121.47, lat=31.23)
    grown = geojson.buffer(geojson.circle(center, 50, 256), 30)
    corners = shapely.get_coordinates(grown)
    away_m = np.array([distance_m(center, LonLat(lon=float(x), lat=float(y))) for x, y in corners])
    assert away_m == pytest.approx(80, abs=0.3)


def test_a_buffer_of_a_country_is_refused() -> None:
    country = geojson.parse(polygon([[20.0, 60.0], [30.0, 60.0], [30.0, 69.0], [20.0, 60.0]]))
    with pytest.raises(GeoError) as caught:
        geojson.buffer(country, 10)
    assert isinstance(caught.value, OutsidePlane)


def test_json_text_with_nan_is_refused() -> None:
    body = json.loads('{"type":"Polygon","coordinates":[[[NaN,1],[1,1],[1,2],[NaN,1]]]}')
    with pytest.raises(BadPosition, match="finite"):
        geojson.parse(body)
