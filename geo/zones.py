"""Zones: named areas of a district, as values."""

from dataclasses import dataclass
from typing import NewType, TypeAlias
from uuid import UUID

import shapely
from shapely import MultiPolygon, Polygon

from geo.coordinates import LonLat

ZoneId = NewType("ZoneId", UUID)
Area: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """An area in WGS-84 degrees; one with a floor is matched only by fixes known to be on that floor."""

    id: ZoneId
    polygon: Area
    floor: str | None = None


def covers(area: Area, position: LonLat) -> bool:
    """Whether the position lies in the area or on its border."""
    return bool(shapely.intersects_xy(area, position.lon, position.lat))
