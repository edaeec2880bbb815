"""Zones and access points as operators send and see them."""

import uuid
from datetime import datetime
from typing import Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from district.districts.service import SLUG_PATTERN
from district.districts.text import Floor, Mac, Name, OptionalName
from geo.datum import Datum

OUTLINE = Field(
    validation_alias=AliasChoices("geometry", "outline", "polygon"),
    description="GeoJSON Polygon or MultiPolygon, at most 500 corners a ring",
)
CRS = Field(default=Datum.WGS84, description="Datum of the coordinates sent; answers are WGS-84")


class NewZone(BaseModel):
    """A zone to be made; without a slug it is given one."""

    model_config = ConfigDict(extra="forbid")

    slug: str | None = Field(default=None, pattern=SLUG_PATTERN)
    name: Name
    name_zh: OptionalName = ""
    geometry: dict[str, Any] = OUTLINE
    floor: Floor | None = None
    crs: Datum = CRS


class ZoneChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    name_zh: OptionalName | None = None
    geometry: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasChoices("geometry", "outline", "polygon")
    )
    floor: Floor | None = None
    crs: Datum = CRS


class ZoneView(BaseModel):
    """A zone."""

    id: uuid.UUID
    slug: str
    name: str
    name_zh: str
    geometry: dict[str, Any]
    floor: str | None
    created_at: datetime


class _Placed(BaseModel):
    """Something with a position, both numbers or none."""

    model_config = ConfigDict(extra="forbid")

    lon: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    crs: Datum = CRS

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("give lon and lat together")
        return self


class NewAccessPoint(_Placed):
    """An access point to be made; one without a position is not placed yet."""

    mac: Mac
    name: OptionalName = ""
    floor: Floor | None = None
    zone_id: uuid.UUID | None = None


class AccessPointChange(_Placed):
    """What to change; what is left out stays, null takes away."""

    mac: Mac | None = None
    name: OptionalName | None = None
    floor: Floor | None = None
    zone_id: uuid.UUID | None = None


class AccessPointView(BaseModel):
    """An access point; ``mac`` is twelve lower-case hex digits."""

    id: uuid.UUID
    mac: str
    name: str
    lon: float | None
    lat: float | None
    floor: str | None
    zone_id: uuid.UUID | None
    created_at: datetime
