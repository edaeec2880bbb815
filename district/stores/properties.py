"""Properties: malls, streets and markets, each with the ground that it stands on."""

import uuid
from datetime import datetime
from typing import Any

import shapely
from geoalchemy2.shape import from_shape, to_shape
from pydantic import BaseModel, ConfigDict, Field
from shapely import MultiPolygon
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.districts.text import Name, OptionalName
from district.problems import NotFound
from district.stores.models import Property, PropertyKind
from geo import geojson
from geo.datum import Datum, to_wgs84_arrays
from geo.zones import Area


class PropertyChange(BaseModel):
    """What to change; absent members stay."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    name_zh: OptionalName | None = None
    category: OptionalName | None = None
    outline: dict[str, Any] | None = Field(
        default=None, description="GeoJSON Polygon or MultiPolygon; null: unknown"
    )
    crs: Datum = Field(default=Datum.WGS84, description="Datum of the outline; stored as WGS-84")


class NewProperty(PropertyChange):
    """A property to be made."""

    kind: PropertyKind
    name: Name


class PropertyView(BaseModel):
    """A property as staff see it."""

    id: uuid.UUID
    kind: PropertyKind
    name: str
    name_zh: str
    category: str
    outline: dict[str, Any] | None
    created_at: datetime


def view(row: Property) -> PropertyView:
    """A property as staff see it."""
    return PropertyView(
        id=row.id,
        kind=PropertyKind(row.kind),
        name=row.name,
        name_zh=row.name_zh,
        category=row.category,
        outline=None if row.outline is None else geojson.dump(to_shape(row.outline)),
        created_at=row.created_at,
    )


def find(session: Session, district_id: uuid.UUID, property_id: uuid.UUID) -> Property:
    """Raises: NotFound."""
    row = session.get(Property, (district_id, property_id))
    if row is None:
        raise NotFound("No such property.")
    return row


def create(session: Session, district: DistrictInfo, new: NewProperty, *, clock: Clock) -> Property:
    """Make a property. Raises: GeoError for an outline that is refused."""
    row = Property(district_id=district.id, id=new_id(), kind=new.kind, name=new.name, created_at=clock.now())
    session.add(row)
    change(session, row, new)
    return row


def change(session: Session, row: Property, wanted: PropertyChange) -> Property:
    """Change what the body names. Raises: GeoError for an outline that is refused."""
    for name in ("name", "name_zh", "category"):
        value = getattr(wanted, name)
        if name in wanted.model_fields_set and value is not None:
            setattr(row, name, value)
    if "outline" in wanted.model_fields_set:
        row.outline = None if wanted.outline is None else from_shape(_outline(wanted), srid=4326)
    session.flush()
    session.refresh(row)
    return row


def _outline(wanted: PropertyChange) -> MultiPolygon:
    area: Area = geojson.parse(wanted.outline)
    if wanted.crs is not Datum.WGS84:
        datum = wanted.crs
        area = shapely.transform(area, lambda lon, lat: to_wgs84_arrays(lon, lat, datum), interleaved=False)
    return area if isinstance(area, MultiPolygon) else MultiPolygon([area])
