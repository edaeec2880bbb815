"""Zones: named areas of a district, as values."""

from dataclasses import dataclass
from typing import NewType, TypeAlias
from uuid import UUID

from shapely import MultiPolygon, Polygon

ZoneId = NewType("ZoneId", UUID)
Area: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """An area in WGS-84 degrees; one with a floor is matched only by fixes known to be on that floor."""

    id: ZoneId
    polygon: Area
    floor: str | None = None
