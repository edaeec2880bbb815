"""`district access-log verify | export | import-nat`, as typed."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from district.cli import app
from district.settings import get_settings
from tests.district.accesslog.conftest import Stage

HEAD = "since,until,protocol,inner_address,inner_ports,outer_address,outer_ports\n"


@pytest.fixture(autouse=True)
def product(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTRICT_DATABASE_URL", database_url)
    monkeypatch.setenv("DISTRICT_SECRET", "x" * 40)
    get_settings.cache_clear()


def run(stage: Stage, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["access-log", *arguments, "--district", stage.district.slug])


async def test_a_whole_log_is_verified_and_a_touched_one_names_the_record(stage: Stage) -> None:
    for _ in range(3):
        stage.let_in()
    good = run(stage, "verify")
    noted = good.output.split("Note ")[1].strip()
    again = run(stage, "verify", "--expect", noted)
    other = run(stage, "verify", "--expect", f"3:{'00' * 32}")
    stage.makers.session.execute(
        text("UPDATE access_record SET identity = 'x' WHERE district_id = :d AND number = 2"),
        {"d": stage.district.id},
    )
    stage.makers.done()
    touched = run(stage, "verify")
    assert (good.exit_code, again.exit_code) == (0, 0)
    assert "3 records, 1 to 3, are as written" in good.output
    assert (other.exit_code, "record 3" in str(other.output) + str(other.exception)) == (1, True)
    assert touched.exit_code == 1
    assert "record 2 changed" in touched.output + str(touched.exception)


async def test_a_file_is_for_its_owner_alone_and_is_noted(stage: Stage, tmp_path: Path) -> None:
    stage.let_in()
    out = tmp_path / "log.jsonl"
    now = stage.clock.now()
    span = (
        "--since",
        (now - timedelta(days=1)).isoformat(),
        "--until",
        (now + timedelta(days=1)).isoformat(),
    )
    done = run(stage, "export", *span, "--out", str(out), "--format", "jsonl")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text().splitlines()[0])["identity"] == stage.member.phone
    note = stage.log()[-1]
    assert (note.event, note.method, note.identity.partition(":")[0]) == ("read", "export", "command line")


async def test_a_nat_log_is_imported_with_the_bad_line_named(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "nat.csv"
    good = "2026-05-01T09:00:00Z,2026-05-01T10:00:00Z,tcp,10.0.0.7,,203.0.113.9,50000-50099\n"
    path.write_text(HEAD + good + "bad\n" + good)
    done = run(stage, "import-nat", str(path))
    assert done.exit_code == 1
    assert "1 imported, 1 known, 1 rejected" in done.output
    assert "line 3: since must be a time" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("verify", "--expect", "x"), id="expect"),
        pytest.param(("export", "--since", "x", "--until", "y", "--out", "/nowhere"), id="times"),
        pytest.param(
            ("export", "--since", "2026-05-01", "--until", "2026-05-02", "--out", "/x"), id="offsets"
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(stage: Stage, arguments: tuple[str, ...]) -> None:
    assert run(stage, *arguments).exit_code == 1
    assert stage.log() == []
