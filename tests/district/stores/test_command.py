"""`district districts create` and `district stores import`, as typed."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from district.cli import app
from district.settings import get_settings

CSV = "id,name,category,lon,lat,opening_hours,floor,address\na1,优衣库,clothes,121.478,31.228,10:00-22:00,1,南京路\n"


@pytest.fixture
def slug() -> str:
    return f"d-{uuid.uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def product(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTRICT_DATABASE_URL", database_url)
    monkeypatch.setenv("DISTRICT_SECRET", "x" * 40)
    get_settings.cache_clear()


def district(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def create(slug: str, **options: str) -> Result:
    given = {"name": "Bund", "center": "121.478,31.228", "zone": "Asia/Shanghai", "crs": "gcj02"} | options
    return district(
        "districts", "create", slug, *(part for name in given for part in (f"--{name}", given[name]))
    )


def test_a_district_is_made_and_its_stores_imported(slug: str, engine: Engine, tmp_path: Path) -> None:
    assert create(slug).exit_code == 0
    path = tmp_path / "stores.csv"
    path.write_text(CSV)
    dry = district("stores", "import", str(path), "--district", slug, "--dry-run")
    assert (dry.exit_code, "would be added 1" in dry.output) == (0, True)
    done = district("stores", "import", str(path), "--district", slug)
    assert (done.exit_code, "added 1" in done.output) == (0, True)
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT d.currency, d.country, ST_X(p.location) FROM district d "
                "JOIN imported_place p ON p.district_id = d.id WHERE d.slug = :slug"
            ),
            {"slug": slug},
        ).one()
    assert tuple(row)[:2] == ("CNY", "CN")
    assert row[2] == pytest.approx(121.4735, abs=5e-4)


def test_bad_rows_are_said_and_make_the_command_fail(slug: str, tmp_path: Path) -> None:
    create(slug)
    path = tmp_path / "stores.csv"
    path.write_text(CSV + "a2,,clothes,121,31,,,\n")
    result = district("stores", "import", str(path), "--district", slug)
    assert result.exit_code == 1
    assert "row 3: error: has no name" in result.output
    assert "added 1" in result.output


@pytest.mark.parametrize(
    "options",
    [
        {"center": "31.2"},
        {"center": "200,31"},
        {"zone": "Mars/Base"},
        {"crs": "utm"},
        {"day-start": "25:00"},
        {"currency": "yuan"},
    ],
)
def test_a_district_that_cannot_be_is_refused(slug: str, options: dict[str, str]) -> None:
    result = create(slug, **options)
    assert result.exit_code == 1
    assert result.exception is not None
    assert "Traceback" not in result.output


def test_a_taken_slug_is_refused(slug: str) -> None:
    create(slug)
    assert "already" in str(create(slug).exception)
