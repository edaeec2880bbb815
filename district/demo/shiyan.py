"""示例商圈（虚构）: an invented Chinese district of full size, made from a seed. No shop, street or person of it exists."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from district.demo.generated import GeneratedFile
from district.demo.shiyan_names import Name, Names
from district.demo.shiyan_plan import AVENUE_M, Building, Plan, Street, plan
from district.demo.world import AccessPointSpec, AreaSpec, World
from district.districts.service import NewDistrict
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84_arrays
from geo.metric import LocalPlane

SEED = 20_260_501
CENTER = LonLat(lon=110.7880, lat=32.6500)
SHOPS = 10_000
SHARE_IN_MALLS = 0.76
COUNTED_STREETS = 12
FLOORS = ("B1", "L1", "L2", "L3", "L4", "L5", "L6")
VENDOR_PREFIX = "00180a"
OUTDOOR_SPACING_M, INDOOR_POINTS_A_FLOOR = 60.0, 4
DOOR_M = 2.0
_BY_FLOOR: Mapping[str, Mapping[str, float]] = {
    "B1": {"fast_food": 5, "cafe": 3, "supermarket": 1, "convenience": 2, "bakery": 2, "gift": 1},
    "L1": {"cosmetics": 4, "jewelry": 3, "clothes": 4, "bag": 2, "mobile_phone": 2, "cafe": 2, "optician": 1},
    "L2": {"clothes": 9, "shoes": 3, "bag": 2, "cosmetics": 1, "cafe": 1},
    "L3": {"clothes": 7, "sports": 4, "shoes": 3, "books": 1, "gift": 1},
    "L4": {
        "toys": 4,
        "electronics": 2,
        "furniture": 3,
        "clothes": 3,
        "books": 1,
        "cafe": 1,
        "hairdresser": 1,
    },
    "L5": {"restaurant": 9, "cafe": 2, "fast_food": 1},
    "L6": {"restaurant": 4, "cinema": 0.4, "karaoke_box": 1, "fitness_centre": 1, "beauty": 3, "massage": 2},
}
_ON_STREETS: Mapping[str, float] = {
    "restaurant": 8, "fast_food": 6, "cafe": 5, "convenience": 5, "clothes": 6, "hairdresser": 3, "beauty": 2,
    "pharmacy": 2, "mobile_phone": 2, "bakery": 2, "optician": 1, "gift": 2, "shoes": 2, "massage": 1, "jewelry": 1,
}  # fmt: skip
_MALL_HOURS = ("Mo-Th 10:00-21:30; Fr-Su 10:00-22:00", "Mo-Su 10:00-22:00")
_HOURS: Mapping[str, Sequence[str]] = {
    "convenience": ("24/7", "Mo-Su 07:00-23:30"),
    "restaurant": ("Mo-Su 10:30-14:00,17:00-22:00", "Mo-Su 10:00-22:30", "Mo-Su 11:00-02:00"),
    "fast_food": ("Mo-Su 06:30-21:00", "Mo-Su 09:00-23:00"),
    "cafe": ("Mo-Su 08:00-22:00", "Mo-Fr 07:30-21:00; Sa,Su 09:00-22:00"),
    "pharmacy": ("Mo-Su 08:00-22:00",),
    "bakery": ("Mo-Su 07:00-21:30",),
}
_ANY_HOURS = ("Mo-Su 09:30-21:30", "Mo-Su 10:00-21:00", "Mo-Sa 09:00-20:00; Su 10:00-18:00")
SHARE_WITHOUT_HOURS = 0.03
COLUMNS = ("id", "name", "name_zh", "category", "lon", "lat", "opening_hours", "floor", "address")


@dataclass(frozen=True, kw_only=True)
class _Shop:
    name: Name
    category: str
    x_m: float
    y_m: float
    hours: str
    floor: str
    address: str


def world(seed: int = SEED) -> World:
    """The district as the loader takes it; the same for the same seed. Its stores are CSV in GCJ-02, as such data come."""
    random = Random(seed)  # noqa: S311 an invented place, no secret
    names = Names(random)
    ground = plan(random, names)
    plane = LocalPlane(anchor=CENTER)
    shops = [*_mall_shops(ground, random, names), *_street_shops(ground, random, names)]
    return World(
        district=NewDistrict(
            slug="shiyan",
            name="Shiyan sample district (invented)",
            name_zh="示例商圈（虚构）",
            center=CENTER,
            zone="Asia/Shanghai",
            currency="CNY",
            country="CN",
            datum=Datum.GCJ02,
            label="invented",
        ),
        map_layers={
            "landuse": [_feature(plane, park, leisure="park") for park in ground.parks],
            "plazas": [_feature(plane, ground.square, highway="pedestrian", **_labels(names.street()))],
            "streets": [_street_feature(plane, street) for street in _walkable(ground)],
            "buildings": [_building_feature(plane, one) for one in (*ground.malls, *ground.houses)],
        },
        stores_file=GeneratedFile("shiyan.csv", _csv(plane, shops)),
        areas=(*_mall_areas(plane, ground), *_street_areas(plane, ground)),
        access_points=tuple(_access_points(plane, ground)),
    )


def _mall_shops(ground: Plan, random: Random, names: Names) -> Iterator[_Shop]:
    """Equal shares of the malls' shops, spread over floors, each on a unit along the floor's corridors."""
    wanted = round(SHOPS * SHARE_IN_MALLS)
    for index, mall in enumerate(ground.malls):
        count = wanted // len(ground.malls) + (index < wanted % len(ground.malls))
        units = _units(mall.outline, -(-count // len(FLOORS)), random)
        for number in range(count):
            floor = FLOORS[number % len(FLOORS)]
            category = _drawn(_BY_FLOOR[floor], random)
            unit = number // len(FLOORS)
            x_m, y_m = units[unit]
            mall_name = mall.name.zh if mall.name else ""
            yield _Shop(
                name=names.shop(category),
                category=category,
                x_m=x_m + random.uniform(-1.5, 1.5),
                y_m=y_m + random.uniform(-1.5, 1.5),
                hours=_hours(category, random, is_in_mall=True),
                floor=floor,
                address=f"{mall.street.zh}{mall.number}号{mall_name} {floor}-{unit + 1:03d}",
            )


def _units(outline: shapely.Polygon, count: int, random: Random) -> list[tuple[float, float]]:
    """Places of shops on one floor: a grid inside the walls, as fine as their number asks for."""
    inside = outline.buffer(-DOOR_M)
    step_m = (inside.area / count) ** 0.5
    west, south, east, north = inside.bounds
    while True:
        x_m, y_m = np.meshgrid(np.arange(west, east, step_m), np.arange(south, north, step_m))
        points = np.column_stack((x_m.ravel(), y_m.ravel()))
        found = points[shapely.contains_xy(inside, points[:, 0], points[:, 1])]
        if len(found) >= count:
            chosen = random.sample(range(len(found)), count)
            return [(float(found[index, 0]), float(found[index, 1])) for index in chosen]
        step_m *= 0.95


def _street_shops(ground: Plan, random: Random, names: Names) -> Iterator[_Shop]:
    """Along the houses' fronts, longer houses with more of them."""
    count = SHOPS - round(SHOPS * SHARE_IN_MALLS)
    weights = [house.outline.area for house in ground.houses]
    for house in random.choices(ground.houses, weights=weights, k=count):
        category = _drawn(_ON_STREETS, random)
        front = house.outline.buffer(-DOOR_M).exterior
        point = front.interpolate(random.random(), normalized=True)
        yield _Shop(
            name=names.shop(category),
            category=category,
            x_m=point.x,
            y_m=point.y,
            hours=_hours(category, random, is_in_mall=False),
            floor="L2" if random.random() < 0.12 else "L1",
            address=f"{house.street.zh}{house.number}号",
        )


def _drawn(weights: Mapping[str, float], random: Random) -> str:
    return random.choices(list(weights), weights=list(weights.values()))[0]


def _hours(category: str, random: Random, *, is_in_mall: bool) -> str:
    if random.random() < SHARE_WITHOUT_HOURS:
        return ""
    own = _HOURS.get(category)
    if is_in_mall and (own is None or random.random() < 0.7):
        return random.choice(_MALL_HOURS)
    return random.choice(own or _ANY_HOURS)


def _csv(plane: LocalPlane, shops: Sequence[_Shop]) -> str:
    lon, lat = plane.to_degrees(
        np.array([shop.x_m for shop in shops]), np.array([shop.y_m for shop in shops])
    )
    lon, lat = from_wgs84_arrays(lon, lat, Datum.GCJ02)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, shop in enumerate(shops):
        place = (f"{lon[number]:.7f}", f"{lat[number]:.7f}", shop.hours, shop.floor, shop.address)
        writer.writerow((f"sy-{number + 1:05d}", shop.name.latin, shop.name.zh, shop.category, *place))
    return text.getvalue()


def _convert(plane: LocalPlane, geometry: Any) -> Any:
    def degrees(coordinates: Any) -> Any:
        return np.round(np.column_stack(plane.to_degrees(coordinates[:, 0], coordinates[:, 1])), 7)

    return shapely.transform(geometry, degrees)


def _labels(name: Name) -> dict[str, str]:
    return {"name": name.zh, "name:zh": name.zh, "name:en": name.latin}


def _feature(plane: LocalPlane, geometry: Any, **tags: str) -> Mapping[str, Any]:
    return {"type": "Feature", "properties": tags, "geometry": mapping(_convert(plane, geometry))}


def _street_feature(plane: LocalPlane, street: tuple[Street, shapely.LineString]) -> Mapping[str, Any]:
    return _feature(plane, street[1], highway=street[0].kind, **_labels(street[0].name))


def _building_feature(plane: LocalPlane, building: Building) -> Mapping[str, Any]:
    if building.name is None:
        return _feature(plane, building.outline, building="retail")
    return _feature(plane, building.outline, building="mall", **_labels(building.name))


def _walkable(ground: Plan) -> Iterator[tuple[Street, shapely.LineString]]:
    """Streets cut where lanes meet them, so that ways can turn there."""
    lines = [shapely.LineString(street.line_m) for street in ground.streets]
    lanes = [line for street, line in zip(ground.streets, lines, strict=True) if street.kind == "footway"]
    for street, line in zip(ground.streets, lines, strict=True):
        is_lane = street.kind == "footway"
        others = [one for one in (lines if is_lane else lanes) if one is not line]
        yield street, _with_corners(line, [one.intersection(line) for one in others if one.intersects(line)])


def _with_corners(line: shapely.LineString, points: Sequence[Any]) -> shapely.LineString:
    """The same line with corners at these points, rounded alike on every line that they lie on."""
    at = {line.project(shapely.Point(corner)): tuple(corner) for corner in line.coords}
    at |= {line.project(point): (point.x, point.y) for point in points if isinstance(point, shapely.Point)}
    return shapely.LineString([at[distance] for distance in sorted(at)])


def _multi(geometry: Any) -> shapely.MultiPolygon:
    parts = getattr(geometry, "geoms", [geometry])
    return shapely.MultiPolygon([part for part in parts if isinstance(part, shapely.Polygon)])


def _mall_areas(plane: LocalPlane, ground: Plan) -> Iterator[AreaSpec]:
    for number, mall in enumerate(ground.malls, 1):
        if mall.name is not None:
            outline = _multi(_convert(plane, mall.outline))
            yield AreaSpec(
                slug=f"mall-{number:02d}",
                name=mall.name.latin,
                name_zh=mall.name.zh,
                kind="mall",
                outline=outline,
            )


def _street_areas(plane: LocalPlane, ground: Plan) -> Iterator[AreaSpec]:
    named = [street for street in ground.streets if street.kind != "footway"][:COUNTED_STREETS]
    for number, street in enumerate(named, 1):
        strip = shapely.LineString(street.line_m).buffer(min(street.width_m, AVENUE_M) / 2, quad_segs=2)
        yield AreaSpec(
            slug=f"street-{number:02d}",
            name=street.name.latin,
            name_zh=street.name.zh,
            kind="street",
            outline=_multi(_convert(plane, strip)),
        )


def _access_points(plane: LocalPlane, ground: Plan) -> Iterator[AccessPointSpec]:
    """Some on each floor of each mall, and along the streets."""
    placed: list[tuple[shapely.Point, str | None]] = [
        (point, floor) for mall in ground.malls for floor in FLOORS for point in _corners_inside(mall.outline)
    ]
    for street in ground.streets:
        line = shapely.LineString(street.line_m)
        steps = max(1, round(line.length / OUTDOOR_SPACING_M))
        interpolate = partial(line.interpolate, normalized=True)
        placed += [(interpolate((step + 0.5) / steps), None) for step in range(steps)]
    x_m, y_m = np.array([point.x for point, _ in placed]), np.array([point.y for point, _ in placed])
    lon, lat = plane.to_degrees(x_m, y_m)
    for number, (_, floor) in enumerate(placed):
        yield AccessPointSpec(
            mac=f"{VENDOR_PREFIX}{number + 1:06x}",
            name=f"AP {number + 1:04d}",
            position=LonLat(lon=float(lon[number]), lat=float(lat[number])),
            floor=floor,
        )


def _corners_inside(outline: shapely.Polygon) -> list[shapely.Point]:
    """Points half-way between the middle of a house and its corners."""
    middle = outline.centroid
    corners = list(outline.exterior.coords)[:INDOOR_POINTS_A_FLOOR]
    return [shapely.Point((middle.x + x) / 2, (middle.y + y) / 2) for x, y in corners]
