"""Importing stores from a file: good rows are kept, bad ones are said."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from pyproj import Geod
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.stores import sources
from district.stores.queries import ADD_STORES_SQL, UPSERT_PLACES_SQL
from district.stores.service import CHANNEL
from district.stores.sources import Issue, Place
from geo.datum import Datum, to_wgs84_arrays
from geo.hours import Hours, HoursInvalid

BATCH_ROWS: Final = 1_000
ISSUES_KEPT: Final = 200
FAR_M: Final = 50_000.0
_GEOD: Final = Geod(ellps="WGS84")


@dataclass(kw_only=True)
class ImportReport:
    """What an import did, or would do. ``issues`` holds the first 200; the counts hold all."""

    rows: int = 0
    places_added: int = 0
    places_updated: int = 0
    stores_added: int = 0
    errors: int = 0
    warnings: int = 0
    issues: list[Issue] = field(default_factory=list)

    def note(self, issue: Issue) -> None:
        """Count an issue, and keep it while there is room."""
        if issue.is_warning:
            self.warnings += 1
        else:
            self.errors += 1
        if len(self.issues) < ISSUES_KEPT:
            self.issues.append(issue)

    @property
    def places_unchanged(self) -> int:
        """Rows that said what was known already."""
        return self.rows - self.errors - self.places_added - self.places_updated


def import_file(
    session: Session,
    district: DistrictInfo,
    path: Path,
    *,
    clock: Clock,
    is_dry_run: bool = False,
    source: str = "",
    datum: Datum | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Bring imported places up to date with a file, and give each new ``ref`` a store. What stores say themselves
    is never touched. Coordinates are in ``datum``, by default the district's. ``progress`` hears of rows done.

    Raises: Invalid when the file as a whole cannot be read; then nothing is kept.
    """
    report = ImportReport()
    importer = _Importer(
        session=session, district=district, report=report, clock=clock, source=source or path.name
    )
    importer.datum = datum or district.datum
    with session.begin_nested() as savepoint:
        for batch in _batches(_counted(sources.read(path), report)):
            importer.take(batch)
            progress(report.rows)
        if is_dry_run:
            savepoint.rollback()
        else:
            notify(session, CHANNEL, str(district.id))
    return report


def _counted(rows: Iterable[Place | Issue], report: ImportReport) -> Iterator[Place]:
    """The places among the rows, each id once."""
    seen: dict[str, int] = {}
    for row in rows:
        report.rows += 1
        if isinstance(row, Issue):
            report.note(row)
        elif (first := seen.setdefault(row.ref, row.row)) != row.row:
            report.note(
                Issue(
                    row=row.row, what=f"repeats the id {row.ref!r} of row {first}", fix="give it another id"
                )
            )
        else:
            yield row


def _batches(places: Iterator[Place]) -> Iterator[list[Place]]:
    while batch := list(islice(places, BATCH_ROWS)):
        yield batch


@dataclass(kw_only=True)
class _Importer:
    session: Session
    district: DistrictInfo
    report: ImportReport
    clock: Clock
    source: str
    datum: Datum = Datum.WGS84
    readable: dict[str, str] = field(default_factory=dict)
    """Opening hours seen so far, each with what is wrong with it."""

    def take(self, places: list[Place]) -> None:
        """Store one batch and say what is doubtful in it."""
        lon, lat = to_wgs84_arrays(
            np.array([place.lon for place in places]), np.array([place.lat for place in places]), self.datum
        )
        self._warn(places, lon, lat)
        self._store(places, lon.tolist(), lat.tolist())

    def _warn(self, places: list[Place], lon: np.ndarray, lat: np.ndarray) -> None:
        center = self.district.center
        count = len(places)
        away_m = _GEOD.inv(np.full(count, center.lon), np.full(count, center.lat), lon, lat)[2]
        for place, metres in zip(places, away_m, strict=True):
            if metres > FAR_M:
                self.report.note(
                    Issue(
                        row=place.row,
                        what=f"lies {metres / 1000:.0f} km from the district's centre",
                        fix="check that lon and lat are not swapped",
                        is_warning=True,
                    )
                )
            if place.opening_hours and (wrong := self._wrong(place.opening_hours)):
                self.report.note(
                    Issue(row=place.row, what=wrong, fix="until then its hours are unknown", is_warning=True)
                )

    def _wrong(self, hours: str) -> str:
        if hours not in self.readable:
            try:
                Hours.parse(hours, zone=self.district.zone, country=self.district.country or None)
                self.readable[hours] = ""
            except HoursInvalid as invalid:
                self.readable[hours] = str(invalid).rstrip(".")
        return self.readable[hours]

    def _store(self, places: list[Place], lons: list[float], lats: list[float]) -> None:
        refs = [place.ref for place in places]
        known = {"district_id": self.district.id, "refs": refs}
        now = self.clock.now()
        columns = {
            "names": [place.name for place in places],
            "names_zh": [place.name_zh for place in places],
            "categories": [place.category for place in places],
            "brands": [place.brand for place in places],
            "hours": [place.opening_hours for place in places],
            "floors": [place.floor for place in places],
            "addresses": [place.address for place in places],
            "tags": [json.dumps(dict(place.tags), ensure_ascii=False) for place in places],
        }
        values = known | columns | {"lons": lons, "lats": lats, "source": self.source, "imported_at": now}
        is_new = self.session.execute(text(UPSERT_PLACES_SQL), values).scalars().all()
        self.report.places_added += sum(is_new)
        self.report.places_updated += len(is_new) - sum(is_new)
        added = {"ids": [new_id() for _ in places], "created_at": now}
        stores = self.session.execute(text(ADD_STORES_SQL), known | added).scalars().all()
        self.report.stores_added += len(stores)
