"""Access points from files: found again by MAC, bad rows said, nothing kept when only tried."""

import json

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from district.auth.models import Role
from district.cli import app as commands
from district.districts.models import District
from district.problems import Invalid
from district.settings import get_settings
from district.zones import import_rows, imports, service
from district.zones.import_rows import MAX_FILE_BYTES, MAX_ROWS, Fault
from district.zones.imports import ImportReport
from district.zones.models import AccessPoint
from geo.datum import Datum
from tests.conftest import refresh
from tests.factories import Makers

GOOD = """mac,name,lon,lat,floor,zone
02:00:5e:10:00:01,Entrance north,24.9413,60.1692,1,aleksi
0200.5e10.0002,,,,,
"""


def take(makers: Makers, district: District, content: str | bytes, **more: bool) -> ImportReport:
    raw = content.encode() if isinstance(content, str) else content
    return imports.import_content(
        makers.session, makers.info(district), raw, clock=makers.clock, is_dry_run=more.get("dry", False)
    )


def points(session: Session, district: District) -> dict[str, AccessPoint]:
    session.expire_all()
    rows = select(AccessPoint).where(AccessPoint.district_id == district.id)
    return {row.mac: row for row in session.scalars(rows)}


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.rows, report.added, report.updated, report.unchanged, report.errors


def test_rows_are_added_then_unchanged_then_changed(makers: Makers, session: Session) -> None:
    district = makers.district()
    zone = makers.zone(district, slug="aleksi")
    assert counts(take(makers, district, GOOD, dry=True)) == (2, 2, 0, 0, 0)
    assert points(session, district) == {}
    assert counts(take(makers, district, GOOD)) == (2, 2, 0, 0, 0)
    first = points(session, district)["02005e100001"]
    view = service.access_point_view(first)
    assert (view.name, view.floor, view.zone_id) == ("Entrance north", "1", zone.id)
    assert (view.lon, view.lat) == pytest.approx((24.9413, 60.1692))
    assert counts(take(makers, district, GOOD)) == (2, 0, 0, 2, 0)
    partial = "mac,name,lon,lat\n02-00-5E-10-00-01,,24.9500,60.1700\n"
    assert counts(take(makers, district, partial)) == (1, 0, 1, 0, 0)
    moved = service.access_point_view(points(session, district)["02005e100001"])
    assert (moved.id, moved.name, moved.floor, moved.zone_id) == (first.id, "Entrance north", "1", zone.id)
    assert (moved.lon, moved.lat) == pytest.approx((24.95, 60.17))


def test_geojson_says_the_same(makers: Makers, session: Session) -> None:
    district = makers.district()
    zone = makers.zone(district, slug="z-1", name="Aleksi")
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [24.9413, 60.1692]},
        "properties": {"mac": "02:00:5e:10:00:01", "name": "N", "floor": 2, "zone": "Aleksi"},
    }
    unplaced = {"type": "Feature", "geometry": None, "properties": {"mac": "02:00:5e:10:00:02"}}
    content = json.dumps({"type": "FeatureCollection", "features": [feature, unplaced, 7]})
    report = take(makers, district, content)
    assert counts(report) == (3, 2, 0, 0, 1)
    found = points(session, district)
    assert (found["02005e100001"].floor, found["02005e100001"].zone_id) == ("2", zone.id)
    assert found["02005e100002"].location is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("nonsense,a,24,60,1,", Fault.BAD_MAC),
        (",a,24,60,1,", Fault.BAD_MAC),
        ("02:00:5e:10:00:09,a,24,,1,", Fault.HALF_A_PLACE),
        ("02:00:5e:10:00:09,a,240,60,1,", Fault.BAD_PLACE),
        ("02:00:5e:10:00:09,a,nan,60,1,", Fault.BAD_PLACE),
        ("02:00:5e:10:00:09,a,24,60,a floor much too long,", Fault.TOO_LONG),
        ("02:00:5e:10:00:09,a,24,60,1,nowhere", Fault.UNKNOWN_ZONE),
        ("02:00:5e:10:00:01,a,24,60,1,", Fault.REPEATED),
        ("02:00:5e:10:00:09,a,24,60,1,,more,fields", Fault.TOO_MANY_FIELDS),
    ],
)
def test_a_bad_row_is_said_and_the_good_ones_are_kept(makers: Makers, line: str, fault: Fault) -> None:
    district = makers.district()
    makers.zone(district, slug="aleksi")
    report = take(makers, district, GOOD + line + "\n02:00:5e:10:00:03,last,,,,\n")
    assert counts(report) == (4, 3, 0, 0, 1)
    issue = report.issues[0]
    assert (issue.row, issue.fault) == (4, fault)
    assert issue.words()
    assert not issue.words(is_chinese=True).isascii()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name,lon\na,1\n",
        b"{not json",
        b"[" * 100_000,
        b'{"type": "FeatureCollection"}',
        b"\xff\xfe\xff",
        b"mac\n" + b"02:00:5e:10:00:01\n" * (MAX_ROWS + 1),
        b"mac\n" + b" " * MAX_FILE_BYTES,
    ],
    ids=["empty", "no-mac", "no-json", "deep", "no-features", "no-text", "too-many", "too-large"],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(makers: Makers, content: bytes) -> None:
    with pytest.raises(Invalid):
        take(makers, makers.district(), content)


def test_the_districts_datum_is_the_files(makers: Makers, session: Session) -> None:
    district = makers.district(datum=Datum.GCJ02)
    take(makers, district, "mac,lon,lat\n02:00:5e:10:00:01,121.4790,31.2363\n")
    view = service.access_point_view(points(session, district)["02005e100001"])
    assert view.lon is not None
    assert abs(view.lon - 121.4790) > 0.003


def test_another_districts_access_points_are_not_touched(makers: Makers, session: Session) -> None:
    mine, other = makers.district(), makers.district()
    take(makers, other, GOOD.replace("aleksi", ""))
    report = take(makers, mine, GOOD.replace("aleksi", "").replace("Entrance north", "Mine"))
    assert report.added == 2
    assert points(session, other)["02005e100001"].name == "Entrance north"


def test_text_in_gb18030_and_semicolons_are_read() -> None:
    content = "mac;name\n02:00:5e:10:00:01;北门\n".encode("gb18030")
    assert [row.name for row in import_rows.read(content) if isinstance(row, import_rows.Row)] == ["北门"]


async def test_the_interface_tries_and_keeps(
    client: httpx.AsyncClient, committed: Makers, app: FastAPI
) -> None:
    district = committed.district()
    await refresh(app)
    path = f"/v1/districts/{district.slug}/access-points/import"
    assert (await client.post(path, content=GOOD)).status_code == 401
    token = committed.token(district, Role.OPERATOR)
    own = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    tried = await client.post(path, params={"dry_run": "true"}, content=GOOD, headers=own)
    assert tried.json() | {"issues": []} == {
        "dry_run": True,
        "rows": 2,
        "added": 1,
        "updated": 0,
        "unchanged": 0,
        "errors": 1,
        "issues": [],
    }
    assert tried.json()["issues"][0]["code"] == "unknown_zone"
    assert points(committed.session, district) == {}
    assert (await client.post(path, content=GOOD, headers=own)).json()["added"] == 1
    assert len(points(committed.session, district)) == 1
    merchant = committed.token(district, Role.MERCHANT, scope_id=committed.merchant(district).id)
    refused = await client.post(path, content=GOOD, headers={"Authorization": f"Bearer {merchant}"})
    assert refused.status_code == 403
    large = await client.post(path, content=b"x" * (MAX_FILE_BYTES + 1), headers=own)
    assert large.status_code == 413


def test_the_command_says_bad_rows_and_fails(
    committed: Makers,
    database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    district = committed.district()
    file = tmp_path_factory.mktemp("import") / "points.csv"
    file.write_text(GOOD, "utf-8")
    monkeypatch.setenv("DISTRICT_DATABASE_URL", database_url)
    monkeypatch.setenv("DISTRICT_SECRET", "x" * 40)
    get_settings.cache_clear()
    arguments = ["access-points", "import", str(file), "--district", district.slug]
    tried = CliRunner().invoke(commands, [*arguments, "--dry-run"])
    assert (tried.exit_code, "would be added 1" in tried.output) == (1, True)
    assert points(committed.session, district) == {}
    committed.zone(district, slug="aleksi")
    done = CliRunner().invoke(commands, arguments)
    assert (done.exit_code, done.output.strip()) == (0, "2 rows: added 2, updated 0, unchanged 0; 0 errors")
