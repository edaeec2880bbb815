"""From ``where`` to the area it means: the one place where a campaign's fence becomes a shape."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from district.campaigns.grounds import Finder, may_ask_for_visits, wrong
from district.districts.service import DistrictInfo
from geo import geojson
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84, to_wgs84_arrays
from geo.errors import GeoError
from geo.hours import CountryUnknown
from geo.metric import distances_m
from geo.public_holidays import check_country
from push.rule import (
    BuildingFence,
    CampaignRule,
    CircleFence,
    DrawnFence,
    Fence,
    HolidayRule,
    StreetFence,
    Where,
    ZoneFence,
)
from push.wording import clean

POINTER = "/rule/where"
NAMES = ("building", "street", "zone")
MAX_FROM_CENTER_M = 5_000.0
MAX_PARTS = 100
_NEAR_VERTICES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a campaign holds: an area in WGS-84, empty when its rule names none, and the floor that it is bound to."""

    area: MultiPolygon
    floor: str | None = None


def stored(where: Mapping[str, Any], datum: Datum) -> dict[str, Any]:
    """The checked document of ``where`` in WGS-84, and without characters that the database does not take."""
    kept = dict(where)
    if "within" in where:
        kept["within"] = _stored_fence(where["within"], datum)
    if "exclude" in where:
        kept["exclude"] = [_stored_fence(one, datum) for one in where["exclude"]]
    if "floor" in where:
        kept["floor"] = clean(where["floor"])
    return kept


def _stored_fence(fence: Mapping[str, Any], datum: Datum) -> dict[str, Any]:
    for name in NAMES:
        if name in fence:
            return {**fence, name: clean(fence[name])}
    if datum is Datum.WGS84:
        return dict(fence)
    if circle := fence.get("circle"):
        centre = to_wgs84(LonLat(lon=circle["lon"], lat=circle["lat"]), datum)
        return {"circle": {**circle, "lon": centre.lon, "lat": centre.lat}}
    coordinates = fence["coordinates"]
    if fence["type"] == "MultiPolygon":
        return {**fence, "coordinates": [_in_wgs84(polygon, datum) for polygon in coordinates]}
    return {**fence, "coordinates": _in_wgs84(coordinates, datum)}


def _in_wgs84(rings: list[list[list[float]]], datum: Datum) -> list[list[list[float]]]:
    converted: list[list[list[float]]] = []
    for ring in rings:
        drawn = np.asarray(ring, dtype=np.float64)
        lon, lat = to_wgs84_arrays(drawn[:, 0], drawn[:, 1], datum)
        converted.append(np.column_stack((lon, lat)).tolist())
    return converted


def resolve(
    session: Session, district: DistrictInfo, rule: CampaignRule, store_ids: Collection[uuid.UUID] = ()
) -> Place:
    """Where the rule holds in this district for a campaign of these stores, as things stand now.

    Raises: Invalid, naming the part of the rule, for a shape that is refused, a place that the district does not
    have, an area that lies elsewhere or of which nothing is left, a store that is another's, and public holidays
    that are not known.
    """
    _check_holidays(district, rule)
    _check_visited(session, district, rule.where, store_ids)
    if not rule.where.has_ground:
        return Place(area=MultiPolygon())
    area, floor = _ground(session, district, rule.where, store_ids)
    for number, fence in enumerate(rule.where.exclude):
        excluded, _ = _area(_finder(session, district, f"exclude/{number}"), fence)
        area = _polygons(shapely.difference(area, excluded))
    if area.is_empty:
        raise wrong("Nothing of the area is left.", zh="排除之后没有剩余区域。", pointer=f"{POINTER}/exclude")
    _check_size(area)
    _check_near(district, area)
    return Place(area=area, floor=_one_floor(rule.where.floor, floor))


def _ground(
    session: Session, district: DistrictInfo, where: Where, store_ids: Collection[uuid.UUID]
) -> tuple[MultiPolygon, str | None]:
    """What is within the fence and near the stores, and the floor of its zone."""
    area, floor = None, None
    if where.within is not None:
        area, floor = _area(_finder(session, district, "within"), where.within)
    if where.near_stores_m is None:
        return area or MultiPolygon(), floor
    near = _near_stores(_finder(session, district, "near_my_stores_m"), where.near_stores_m, store_ids)
    both = near if area is None else _polygons(shapely.intersection(area, near))
    if both.is_empty:
        raise wrong(
            "No part of within is that near to the campaign's stores.",
            zh="within 中没有这样靠近门店的部分。",
            pointer=f"{POINTER}/near_my_stores_m",
        )
    return both, floor


def _finder(session: Session, district: DistrictInfo, place: str) -> Finder:
    return Finder(session=session, district_id=district.id, pointer=f"{POINTER}/{place}")


def _area(finder: Finder, fence: Fence) -> tuple[MultiPolygon, str | None]:
    floor = None
    try:
        match fence:
            case DrawnFence(area=drawn):
                area: BaseGeometry = drawn
            case CircleFence(centre=centre, radius_m=radius_m):
                area = geojson.circle(centre, radius_m)
            case BuildingFence(building=building, buffer_m=buffer_m):
                outline = finder.building(building)
                area = geojson.buffer(outline, buffer_m) if buffer_m > 0 else outline
            case StreetFence(street=street, buffer_m=buffer_m):
                area = geojson.buffer(finder.street(street), buffer_m)
            case ZoneFence(zone=zone):
                area, floor = finder.zone(zone)
    except GeoError as refused:
        raise finder.wrong(str(refused), zh="围栏无效，请重新绘制或缩小。") from refused
    if not shapely.is_valid(area) or area.is_empty:
        raise finder.wrong(
            "The fence is not a valid area; draw it anew.", zh="围栏不是有效区域，请重新绘制。"
        )
    return _polygons(area), floor


def _near_stores(finder: Finder, radius_m: float, store_ids: Collection[uuid.UUID]) -> MultiPolygon:
    places = finder.stores(store_ids)
    if not places:
        raise finder.wrong(
            "None of the campaign's stores has a position; set one, or draw the fence.",
            zh="所选门店均没有位置，请先设置位置，或绘制围栏。",
        )
    return _polygons(shapely.union_all([geojson.circle(place, radius_m, _NEAR_VERTICES) for place in places]))


def _polygons(shape: BaseGeometry) -> MultiPolygon:
    """The areas of a shape, without the points and lines at which areas only touch."""
    return MultiPolygon([part for part in shapely.get_parts(shape) if isinstance(part, Polygon)])


def _one_floor(wanted: str | None, of_zone: str | None) -> str | None:
    if wanted is not None and of_zone is not None and wanted != of_zone:
        raise wrong(
            f"The zone lies on floor {of_zone}; leave the floor out, or name that one.",
            zh=f"该区域位于 {of_zone} 层，请改为该楼层或去掉楼层。",
            pointer=f"{POINTER}/floor",
        )
    return wanted or of_zone


def _check_size(area: MultiPolygon) -> None:
    if shapely.get_num_coordinates(area) > geojson.MAX_VERTICES or len(area.geoms) > MAX_PARTS:
        raise wrong(
            f"The area has more than {geojson.MAX_VERTICES} vertices or {MAX_PARTS} parts; ask for a simpler one.",
            zh=f"区域超过 {geojson.MAX_VERTICES} 个顶点或 {MAX_PARTS} 个部分，请简化。",
            pointer=POINTER,
        )


def _check_near(district: DistrictInfo, area: MultiPolygon) -> None:
    """A fence far away is a mistake such as swapped lon and lat, and would stretch the engine's grid."""
    places = shapely.get_coordinates(area)
    away_m = distances_m(
        places[:, 0], places[:, 1], np.array(district.center.lon), np.array(district.center.lat)
    )
    if away_m.max() > MAX_FROM_CENTER_M:
        raise wrong(
            f"The fence reaches {away_m.max():.0f} m from the district's centre; at most {MAX_FROM_CENTER_M:.0f} m"
            " are allowed. Check that lon comes before lat.",
            zh=f"围栏距商圈中心 {away_m.max():.0f} 米，最多允许 {MAX_FROM_CENTER_M:.0f} 米。请检查经纬度顺序。",
            pointer=f"{POINTER}/within",
        )


def _check_visited(
    session: Session, district: DistrictInfo, where: Where, store_ids: Collection[uuid.UUID]
) -> None:
    visited = where.or_visited.store_id if where.or_visited else None
    if visited is not None and not may_ask_for_visits(session, district.id, visited, store_ids):
        raise wrong(
            "This is no store of the campaign's merchants.",
            zh="这不是该活动商户的门店。",
            pointer=f"{POINTER}/or_visited/store",
        )


def _check_holidays(district: DistrictInfo, rule: CampaignRule) -> None:
    if rule.when.public_holidays is HolidayRule.ANY:
        return
    try:
        check_country(district.country)
    except CountryUnknown as unknown:
        raise wrong(
            "The public holidays of this district's country are not known; leave this out, or list days in blackout.",
            zh="未知该商圈所在国家的公共假日，请去掉此项，或在 blackout 中列出日期。",
            pointer="/rule/when/public_holidays",
        ) from unknown
