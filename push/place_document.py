"""`where` of a campaign's document: its vocabulary and what it says."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

from geo import errors, geojson
from geo.coordinates import LonLat
from geo.errors import GeoError
from push.identifiers import StoreId
from push.problems import Reason, Report
from push.rule import (
    ANYWHERE,
    BuildingFence,
    CircleFence,
    DrawnFence,
    Fence,
    StreetFence,
    Visited,
    Where,
    ZoneFence,
)
from push.vocabulary import Keyed, ListOf, Number, Record, Spelt, Tagged, Text, Words
from push.wording import both, clean

Document: TypeAlias = Mapping[str, Any]

MAX_EXCLUDED = 10
MAX_PARTS = 20
MAX_BUFFER_M = 200
MAX_NEAR_M = 2_000
MAX_VISITED_DAYS = 365
MINE = "mine"
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_FAR = 1e12  # any finite number: that degrees are out of range, or metres of a projection, the geometry's own error says best
_POSITION = ListOf(Number(-_FAR, _FAR), 2, 2)
_POLYGON = ListOf(ListOf(_POSITION, 4, geojson.MAX_RING_VERTICES), 1, 20)
_NAME = Text(64)

FENCE = Keyed(
    {
        "circle": Record(
            required={
                "circle": Record(
                    required={
                        "lon": Number(-180, 180),
                        "lat": Number(-90, 90),
                        "radius_m": Number(1, 2_000),
                    }
                )
            }
        ),
        "building": Record(required={"building": _NAME, "buffer_m": Number(0, MAX_BUFFER_M)}),
        "street": Record(required={"street": _NAME, "buffer_m": Number(1, MAX_BUFFER_M)}),
        "zone": Record(required={"zone": _NAME}),
        "type": Tagged(
            "type",
            {
                "Polygon": Record(required={"type": Words(("Polygon",)), "coordinates": _POLYGON}),
                "MultiPolygon": Record(
                    required={
                        "type": Words(("MultiPolygon",)),
                        "coordinates": ListOf(_POLYGON, 1, MAX_PARTS),
                    }
                ),
            },
        ),
    }
)
WHERE = Record(
    optional={
        "within": FENCE,
        "near_my_stores_m": Number(10, MAX_NEAR_M),
        "exclude": ListOf(FENCE, 1, MAX_EXCLUDED),
        "floor": Text(20),
        "or_visited": Record(
            required={
                "store": Spelt(f"{MINE}|{_UUID}", MINE, 36),
                "days": Number(1, MAX_VISITED_DAYS, whole=True),
            }
        ),
    },
    least=1,
)
_NO_GROUND = both(
    zh="须先指定 within 或 near_my_stores_m",
    en="it needs within or near_my_stores_m",
)
# What geo says in English, for those who read Chinese.
_GEOMETRY_ZH: Mapping[type[GeoError], str] = MappingProxyType(
    {
        errors.NotPolygon: "请绘制一个多边形。",
        errors.TooManyVertices: "顶点过多，请简化轮廓（每环最多 500 个，共 2,000 个）。",
        errors.BadPosition: "坐标须为 [经度, 纬度] 两个有限数字（WGS-84）。",
        errors.CoordinateInvalid: "经度须在 ±180、纬度须在 ±90 之内。",
        errors.WrongReferenceSystem: "坐标须为 WGS-84 经纬度，经度在前。",
        errors.RingNotClosed: "每个环至少四个点，且首尾相同。",
        errors.CrossesAntimeridian: "围栏不能跨越 180 度经线。",
        errors.SelfCrossing: "轮廓不能自相交，请重新绘制。",
        errors.OutsidePlane: "围栏过大或离极点太近，请缩小或移动。",
        errors.PlaneInvalid: "围栏离极点太近，请移动。",
    }
)


def parse_where(document: Document | None, report: Report) -> Where:
    """Where the offer holds; the document has the shape WHERE, or is not there."""
    if document is None:
        return ANYWHERE
    near_m = document.get("near_my_stores_m")
    floor = document.get("floor")
    where = Where(
        within=_fence(document["within"], report.at("within")) if "within" in document else None,
        near_stores_m=None if near_m is None else float(near_m),
        exclude=_excluded(document.get("exclude", ()), report.at("exclude")),
        floor=None if floor is None else _named(floor, report.at("floor")),
        or_visited=_visited(document["or_visited"]) if "or_visited" in document else None,
    )
    for name in ("exclude", "floor"):
        if name in document and "within" not in document and near_m is None:
            report.at(name).add(Reason.CONTRADICTION, _NO_GROUND)
    return where


def _excluded(documents: list[Document], report: Report) -> tuple[Fence, ...]:
    found = (_fence(document, report.at(number)) for number, document in enumerate(documents))
    return tuple(fence for fence in found if fence is not None)


def _fence(document: Document, report: Report) -> Fence | None:
    """The fence, or None when that was reported."""
    if "building" in document:
        building = _named(document["building"], report.at("building"))
        return BuildingFence(building=building, buffer_m=float(document["buffer_m"]))
    if "street" in document:
        street = _named(document["street"], report.at("street"))
        return StreetFence(street=street, buffer_m=float(document["buffer_m"]))
    if "zone" in document:
        return ZoneFence(zone=_named(document["zone"], report.at("zone")))
    try:
        if "circle" in document:
            return _circle(document["circle"])
        return DrawnFence(area=geojson.parse(document))
    except GeoError as refused:
        zh = _GEOMETRY_ZH.get(type(refused), str(refused))
        report.add(Reason.GEOMETRY, both(zh=zh, en=str(refused)))
        return None


def _circle(document: Document) -> CircleFence:
    centre = LonLat(lon=document["lon"], lat=document["lat"])
    fence = CircleFence(centre=centre, radius_m=float(document["radius_m"]))
    # Near a pole a circle has no shape in degrees; it is refused here and not when it is saved.
    geojson.circle(fence.centre, fence.radius_m)
    return fence


def _named(name: str, report: Report) -> str:
    cleaned = clean(name)
    if not cleaned:
        report.add(Reason.BLANK)
    return cleaned


def _visited(document: Document) -> Visited:
    store = document["store"]
    return Visited(
        store_id=None if store == MINE else StoreId(UUID(store)),
        within=timedelta(days=int(document["days"])),
    )
