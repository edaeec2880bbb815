"""Access points from a file: found again by their MAC address, and brought up to date."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from geoalchemy2.shape import from_shape
from shapely import Point
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.zones import import_rows
from district.zones.import_rows import Fault, Issue, Row
from district.zones.models import AccessPoint, Zone
from district.zones.service import ACCESS_POINT_CHANNEL, SRID
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84

ISSUES_KEPT: Final = 200
SAME_DEGREES: Final = 1e-8
"""A millimetre: less is what a conversion leaves."""


@dataclass(kw_only=True)
class ImportReport:
    """What an import did, or would do. ``issues`` holds the first 200; the counts hold all."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    errors: int = 0
    issues: list[Issue] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """Rows that said what was known already."""
        return self.rows - self.errors - self.added - self.updated

    def note(self, issue: Issue) -> None:
        """Count an issue, and keep it while there is room."""
        self.errors += 1
        if len(self.issues) < ISSUES_KEPT:
            self.issues.append(issue)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """An access point as it is stored."""

    id: uuid.UUID
    name: str
    floor: str | None
    zone_id: uuid.UUID | None
    lon: float | None
    lat: float | None


def import_content(
    session: Session,
    district: DistrictInfo,
    content: bytes,
    *,
    clock: Clock,
    is_dry_run: bool = False,
    datum: Datum | None = None,
) -> ImportReport:
    """Bring the district's access points up to date with a CSV or GeoJSON file.

    A good row makes an access point or changes the one with its MAC address; what a row leaves empty stays as it is.
    Bad rows are left out and said. Coordinates are in ``datum``, by default the district's.

    Raises: Invalid when the file as a whole cannot be read; then nothing is kept.
    """
    report = ImportReport()
    rows = list(_good(import_rows.read(content), report, _zones(session, district)))
    known = _known(session, district)
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for row, zone_id in rows:
        place = _place(row, datum or district.datum)
        before = known.get(row.mac)
        if before is None:
            added.append(_new(district, row, zone_id, place, clock))
        elif values := _changes(before, row, zone_id, place):
            changed.append({"district_id": district.id, "id": before.id, **values})
    report.added, report.updated = len(added), len(changed)
    if not is_dry_run and (added or changed):
        _store(session, added, changed)
        notify(session, ACCESS_POINT_CHANNEL, str(district.id))
    return report


def _good(
    rows: Iterable[Row | Issue], report: ImportReport, zones: dict[str, uuid.UUID]
) -> Iterator[tuple[Row, uuid.UUID | None]]:
    """The rows that can be taken, each address once, with their zones."""
    seen: dict[str, int] = {}
    for row in rows:
        report.rows += 1
        if isinstance(row, Issue):
            report.note(row)
        elif row.zone is not None and row.zone not in zones:
            report.note(Issue(row=row.row, fault=Fault.UNKNOWN_ZONE, value=row.zone[:40]))
        elif row.mac in seen:
            report.note(Issue(row=row.row, fault=Fault.REPEATED, value=str(seen[row.mac])))
        else:
            seen[row.mac] = row.row
            yield row, zones[row.zone] if row.zone is not None else None


def _zones(session: Session, district: DistrictInfo) -> dict[str, uuid.UUID]:
    """Zones by what a file may call them; a name that two have is none's."""
    rows = list(
        session.execute(
            select(Zone.id, Zone.slug, Zone.name, Zone.name_zh).where(Zone.district_id == district.id)
        )
    )
    names = [name for row in rows for name in {row[2], row[3]} if name]
    found = {name: row[0] for row in rows for name in (row[2], row[3]) if name and names.count(name) == 1}
    return found | {row[1]: row[0] for row in rows} | {str(row[0]): row[0] for row in rows}


def _known(session: Session, district: DistrictInfo) -> dict[str, _Known]:
    rows = select(
        AccessPoint.mac,
        AccessPoint.id,
        AccessPoint.name,
        AccessPoint.floor,
        AccessPoint.zone_id,
        func.ST_X(AccessPoint.location),
        func.ST_Y(AccessPoint.location),
    ).where(AccessPoint.district_id == district.id)
    return {
        row[0]: _Known(id=row[1], name=row[2], floor=row[3], zone_id=row[4], lon=row[5], lat=row[6])
        for row in session.execute(rows)
    }


def _place(row: Row, datum: Datum) -> LonLat | None:
    if row.lon is None or row.lat is None:
        return None
    return to_wgs84(LonLat(lon=row.lon, lat=row.lat), datum)


def _point(place: LonLat | None) -> Any:
    return None if place is None else from_shape(Point(place.lon, place.lat), srid=SRID)


def _new(
    district: DistrictInfo, row: Row, zone_id: uuid.UUID | None, place: LonLat | None, clock: Clock
) -> dict[str, Any]:
    return {
        "district_id": district.id,
        "id": new_id(),
        "mac": row.mac,
        "name": row.name or "",
        "floor": row.floor,
        "zone_id": zone_id,
        "location": _point(place),
        "created_at": clock.now(),
    }


def _changes(before: _Known, row: Row, zone_id: uuid.UUID | None, place: LonLat | None) -> dict[str, Any]:
    """Every column, when one of them says something new; nothing when none does."""
    after = {
        "name": row.name if row.name is not None else before.name,
        "floor": row.floor if row.floor is not None else before.floor,
        "zone_id": zone_id if zone_id is not None else before.zone_id,
    }
    is_moved = place is not None and _is_elsewhere(before, place)
    if not is_moved and after == {"name": before.name, "floor": before.floor, "zone_id": before.zone_id}:
        return {}
    return after | ({"location": _point(place)} if is_moved else {})


def _is_elsewhere(before: _Known, place: LonLat) -> bool:
    if before.lon is None or before.lat is None:
        return True
    return max(abs(before.lon - place.lon), abs(before.lat - place.lat)) > SAME_DEGREES


def _store(session: Session, added: list[dict[str, Any]], changed: list[dict[str, Any]]) -> None:
    if added:
        session.execute(insert(AccessPoint), added)
    moved = [values for values in changed if "location" in values]
    renamed = [values for values in changed if "location" not in values]
    for values in (moved, renamed):
        if values:
            session.execute(update(AccessPoint), values)
