"""Central Helsinki from OpenStreetMap: its map, stores, malls, streets to be counted in, and access points."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from district.demo.world import AccessPointSpec, AreaSpec, World
from district.districts.service import NewDistrict
from geo.coordinates import LonLat
from geo.metric import LocalPlane

CENTER = LonLat(lon=24.9443, lat=60.1695)
ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
MAP_LAYERS = ("landuse", "water", "plazas", "streets", "rail", "buildings", "transit")
STREETS = (
    "Mannerheimintie",
    "Pohjoisesplanadi",
    "Eteläesplanadi",
    "Aleksanterinkatu",
    "Mikonkatu",
    "Kaivokatu",
    "Yrjönkatu",
    "Kaisaniemenkatu",
    "Bulevardi",
    "Simonkatu",
    "Fredrikinkatu",
    "Korkeavuorenkatu",
)
MALLS = ("Kauppakeskus Kluuvi", "Stockmann", "Sokos", "Kaivotalo", "Sanomatalo")
STREET_HALF_WIDTH_M = 14.0
ACCESS_POINT_SPACING_M = 55.0
VENDOR_PREFIX = "00180a"  # a Meraki range, as its access points report themselves


def _data(name: str) -> Any:
    return json.loads(files("district.demo").joinpath("data", "helsinki", name).read_text(encoding="utf-8"))


def features(layer: str) -> Sequence[Mapping[str, Any]]:
    """The GeoJSON features of one layer."""
    found: Sequence[Mapping[str, Any]] = _data(f"{layer}.geojson")["features"]
    return found


def world() -> World:
    """The district as the loader takes it."""
    return World(
        district=NewDistrict(
            slug="helsinki",
            name="Helsinki centre",
            name_zh="赫尔辛基市中心",
            center=CENTER,
            zone="Europe/Helsinki",
            currency="EUR",
            country="FI",
            label="demo",
            attribution=ATTRIBUTION,
        ),
        map_layers={layer: features(layer) for layer in MAP_LAYERS},
        stores_file=files("district.demo").joinpath("data", "helsinki", "pois.geojson"),
        areas=(*_streets(), *_malls()),
        access_points=tuple(_access_points()),
    )


def _polygon_of(geometry: BaseGeometry) -> shapely.MultiPolygon:
    parts = [part for part in getattr(geometry, "geoms", [geometry]) if isinstance(part, shapely.Polygon)]
    return shapely.MultiPolygon(parts)


def _streets() -> Iterator[AreaSpec]:
    """Each street as the strip that people walk in, at most a few hundred vertices."""
    plane = LocalPlane(anchor=CENTER)
    lines: dict[str, list[BaseGeometry]] = defaultdict(list)
    for feature in features("streets"):
        name = feature["properties"].get("name")
        if name in STREETS:
            lines[name].append(_to_plane(plane, shape(feature["geometry"])))
    for name in STREETS:
        strip = shapely.union_all(lines[name]).buffer(STREET_HALF_WIDTH_M, quad_segs=2).simplify(1.0)
        yield AreaSpec(
            slug=_slug(name), name=name, kind="street", outline=_polygon_of(_from_plane(plane, strip))
        )


def _malls() -> Iterator[AreaSpec]:
    for feature in features("buildings"):
        name = feature["properties"].get("name")
        if name in MALLS:
            outline = _polygon_of(shape(feature["geometry"]))
            if not outline.is_empty and outline.is_valid:
                yield AreaSpec(slug=_slug(name), name=name, kind="mall", outline=outline)


def _slug(name: str) -> str:
    plain = name.lower().replace("ä", "a").replace("ö", "o").replace(" ", "-")
    return "".join(character for character in plain if character.isascii())


def _to_plane(plane: LocalPlane, geometry: BaseGeometry) -> BaseGeometry:
    def convert(coordinates: Any) -> Any:
        x_m, y_m = plane.to_metres(coordinates[:, 0], coordinates[:, 1])
        return shapely.get_coordinates(shapely.points(x_m, y_m))

    return shapely.transform(geometry, convert)


def _from_plane(plane: LocalPlane, geometry: BaseGeometry) -> BaseGeometry:
    def convert(coordinates: Any) -> Any:
        lon, lat = plane.to_degrees(coordinates[:, 0], coordinates[:, 1])
        return shapely.get_coordinates(shapely.points(lon, lat))

    return shapely.transform(geometry, convert)


def _access_points() -> Iterator[AccessPointSpec]:
    """A grid over the buildings that hold stores: what a district of this size would mount."""
    plane = LocalPlane(anchor=CENTER)
    points = [shape(feature["geometry"]) for feature in features("pois")]
    taken: set[tuple[int, int]] = set()
    for point in points:
        x_m, y_m = plane.to_metres(point.x, point.y)
        cell = (
            math.floor(float(x_m) / ACCESS_POINT_SPACING_M),
            math.floor(float(y_m) / ACCESS_POINT_SPACING_M),
        )
        if cell in taken:
            continue
        taken.add(cell)
        number = len(taken)
        yield AccessPointSpec(
            mac=f"{VENDOR_PREFIX}{number:06x}",
            name=f"AP {number:03d}",
            position=LonLat(lon=point.x, lat=point.y),
        )
