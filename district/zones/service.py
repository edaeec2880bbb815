"""What may be done with zones and access points."""

import re
import uuid
from typing import Final

import shapely
from geoalchemy2.shape import from_shape, to_shape
from shapely import MultiPolygon, Point
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id, notify
from district.districts import paging
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid, NotFound
from district.zones.models import AccessPoint, Zone
from district.zones.schemas import (
    AccessPointChange,
    AccessPointView,
    NewAccessPoint,
    NewZone,
    ZoneChange,
    ZoneView,
)
from geo import geojson
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84, to_wgs84_arrays
from geo.zones import Area

CHANNEL: Final = "zone_changed"
ACCESS_POINT_CHANNEL: Final = "access_point_changed"
SRID: Final = 4326


def zone_view(row: Zone) -> ZoneView:
    """A zone as it is shown."""
    return ZoneView(
        id=row.id,
        slug=row.slug,
        name=row.name,
        name_zh=row.name_zh,
        geometry=geojson.dump(to_shape(row.outline)),
        floor=row.floor,
        created_at=row.created_at,
    )


def zone(session: Session, district: DistrictInfo, zone_id: uuid.UUID) -> Zone:
    """Raises: NotFound."""
    row = session.get(Zone, (district.id, zone_id))
    if row is None:
        raise NotFound("No such zone.")
    return row


def create_zone(session: Session, district: DistrictInfo, new: NewZone, *, clock: Clock) -> Zone:
    """Make a zone. Raises: GeometryRefused; Conflict when the slug is taken."""
    zone_id = new_id()
    slug = new.slug or _slug(new.name, zone_id)
    taken = select(Zone.id).where(Zone.district_id == district.id, Zone.slug == slug)
    if session.scalar(taken) is not None:
        raise Conflict(f"There is a zone {slug!r} already; choose another slug.")
    row = Zone(
        district_id=district.id,
        id=zone_id,
        slug=slug,
        name=new.name,
        name_zh=new.name_zh,
        outline=from_shape(_outline(new.geometry, new.crs), srid=SRID),
        floor=new.floor,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    notify(session, CHANNEL, str(district.id))
    return row


def change_zone(session: Session, district: DistrictInfo, row: Zone, wanted: ZoneChange) -> Zone:
    """Change a zone. Raises: GeometryRefused."""
    given = wanted.model_fields_set
    if wanted.name is not None:
        row.name = wanted.name
    if wanted.name_zh is not None:
        row.name_zh = wanted.name_zh
    if wanted.geometry is not None:
        row.outline = from_shape(_outline(wanted.geometry, wanted.crs), srid=SRID)
    if "floor" in given:
        row.floor = wanted.floor
    session.flush()
    notify(session, CHANNEL, str(district.id))
    return row


def delete_zone(session: Session, district: DistrictInfo, row: Zone) -> None:
    """Raises: Conflict when something stands in it."""
    paging.delete(session, row, "zone")
    notify(session, CHANNEL, str(district.id))


def access_point_view(row: AccessPoint) -> AccessPointView:
    """An access point as it is shown."""
    place = None if row.location is None else to_shape(row.location)
    return AccessPointView(
        id=row.id,
        mac=row.mac,
        name=row.name,
        lon=None if place is None else place.x,
        lat=None if place is None else place.y,
        floor=row.floor,
        zone_id=row.zone_id,
        created_at=row.created_at,
    )


def access_point(session: Session, district: DistrictInfo, access_point_id: uuid.UUID) -> AccessPoint:
    """Raises: NotFound."""
    row = session.get(AccessPoint, (district.id, access_point_id))
    if row is None:
        raise NotFound("No such access point.")
    return row


def create_access_point(
    session: Session, district: DistrictInfo, new: NewAccessPoint, *, clock: Clock
) -> AccessPoint:
    """Make an access point. Raises: Conflict when its MAC is known; Invalid for an unknown zone."""
    row = AccessPoint(
        district_id=district.id, id=new_id(), mac=new.mac, name=new.name, created_at=clock.now()
    )
    session.add(row)
    _place(session, district, row, new)
    return row


def change_access_point(
    session: Session, district: DistrictInfo, row: AccessPoint, wanted: AccessPointChange
) -> AccessPoint:
    """Change an access point. Raises: Conflict, Invalid."""
    if wanted.mac is not None:
        row.mac = wanted.mac
    if wanted.name is not None:
        row.name = wanted.name
    _place(session, district, row, wanted)
    return row


def delete_access_point(session: Session, district: DistrictInfo, row: AccessPoint) -> None:
    """Forget an access point."""
    paging.delete(session, row, "access point")
    notify(session, ACCESS_POINT_CHANNEL, str(district.id))


def _place(
    session: Session, district: DistrictInfo, row: AccessPoint, wanted: NewAccessPoint | AccessPointChange
) -> None:
    given = wanted.model_fields_set
    if "lon" in given:
        row.location = None
        if wanted.lon is not None and wanted.lat is not None:
            position = to_wgs84(LonLat(lon=wanted.lon, lat=wanted.lat), wanted.crs)
            row.location = from_shape(Point(position.lon, position.lat), srid=SRID)
    if "floor" in given:
        row.floor = wanted.floor
    if "zone_id" in given:
        if wanted.zone_id is not None and session.get(Zone, (district.id, wanted.zone_id)) is None:
            raise Invalid("See errors.", errors=[{"pointer": "/body/zone_id", "detail": "No such zone."}])
        row.zone_id = wanted.zone_id
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"The MAC address {row.mac} belongs to an access point already.") from None
    notify(session, ACCESS_POINT_CHANNEL, str(district.id))


def _outline(geometry: dict[str, object], datum: Datum) -> MultiPolygon:
    area: Area = geojson.parse(geometry)
    if datum is not Datum.WGS84:
        area = shapely.transform(area, lambda lon, lat: to_wgs84_arrays(lon, lat, datum), interleaved=False)
    return area if isinstance(area, MultiPolygon) else MultiPolygon([area])


def _slug(name: str, zone_id: uuid.UUID) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower(), flags=re.ASCII).strip("-")[:28].strip("-")
    return f"{words or 'zone'}-{zone_id.hex[-6:]}"
