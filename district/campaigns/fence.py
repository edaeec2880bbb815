"""From ``where.within`` to the area it means: the one place where a campaign's fence becomes a shape."""

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from shapely import MultiPolygon
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.problems import Invalid
from district.zones.models import MapFeature
from geo import geojson
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84, to_wgs84_arrays
from geo.errors import GeoError
from geo.metric import distances_m
from geo.zones import Area
from push.campaign import BuildingFence, CircleFence, DrawnFence, Fence

POINTER = "/rule/where/within"
BUILDINGS = "buildings"
MAX_FROM_CENTER_M = 5_000.0


def in_wgs84(within: Mapping[str, Any], datum: Datum) -> dict[str, Any]:
    """The checked document of a drawn shape, its numbers converted from the datum that the request named."""
    if datum is Datum.WGS84 or "building" in within:
        return dict(within)
    if circle := within.get("circle"):
        centre = to_wgs84(LonLat(lon=circle["lon"], lat=circle["lat"]), datum)
        return {"circle": {**circle, "lon": centre.lon, "lat": centre.lat}}
    return {**within, "coordinates": [_ring_in_wgs84(ring, datum) for ring in within["coordinates"]]}


def _ring_in_wgs84(ring: list[list[float]], datum: Datum) -> list[list[float]]:
    drawn = np.asarray(ring, dtype=np.float64)
    lon, lat = to_wgs84_arrays(drawn[:, 0], drawn[:, 1], datum)
    converted: list[list[float]] = np.column_stack((lon, lat)).tolist()
    return converted


def resolve(session: Session, district: DistrictInfo, fence: Fence) -> MultiPolygon:
    """The area in WGS-84 that the fence stands for.

    Raises: Invalid, naming the place in the rule, for a shape that is refused, a building that the map does
    not have, or an area that lies elsewhere.
    """
    try:
        area = _area(session, district, fence)
    except GeoError as refused:
        raise wrong(str(refused), zh="围栏无效，请重新绘制或缩小。") from refused
    if not shapely.is_valid(area) or area.is_empty:
        raise wrong("The fence is not a valid area; draw it anew.", zh="围栏不是有效区域，请重新绘制。")
    _check_near(district, area)
    return area if isinstance(area, MultiPolygon) else MultiPolygon([area])


def wrong(detail: str, *, zh: str) -> Invalid:
    """The refusal of a fence, in both languages."""
    return Invalid(
        "The fence cannot be used.", errors=[{"pointer": POINTER, "detail": detail, "detail_zh": zh}]
    )


def _area(session: Session, district: DistrictInfo, fence: Fence) -> Area:
    match fence:
        case DrawnFence(area=area):
            return area
        case CircleFence(centre=centre, radius_m=radius_m):
            return geojson.circle(centre, radius_m)
        case BuildingFence(building=building, buffer_m=buffer_m):
            outline = _outline(session, district, building)
            return geojson.buffer(outline, buffer_m) if buffer_m > 0 else outline


def _outline(session: Session, district: DistrictInfo, building: str) -> Area:
    is_named = MapFeature.ref == building
    with contextlib.suppress(ValueError):
        is_named = or_(is_named, MapFeature.id == uuid.UUID(building))
    shape = session.scalar(
        select(MapFeature.shape)
        .where(
            MapFeature.district_id == district.id,
            MapFeature.layer == BUILDINGS,
            func.ST_Dimension(MapFeature.shape) == 2,
            is_named,
        )
        .order_by(MapFeature.id)
        .limit(1)
    )
    if shape is None:
        raise wrong(
            f"The map has no building {building!r}; use an id or ref of its buildings, or draw the fence.",
            zh="地图上没有这栋建筑，请重新选择，或绘制围栏。",
        )
    outline: Area = to_shape(shape)
    if shapely.get_num_coordinates(outline) > geojson.MAX_VERTICES:
        raise wrong(
            "The building's outline is too detailed; draw the fence instead.",
            zh="该建筑轮廓过于复杂，请改为绘制围栏。",
        )
    return outline


def _check_near(district: DistrictInfo, area: Area) -> None:
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
        )
