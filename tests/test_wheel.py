"""The wheel is the product: what the checkout shows, an installation shows as well."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CARRIED = (
    "district/py.typed",
    "geo/py.typed",
    "push/py.typed",
    "district/web/templates/layouts/portal.html",
    "district/web/static/app/map.js",
    "district/web/vendor.lock",
    "district/locale/zh_Hans/shell.po",
    "district/migrations/env.py",
    "district/migrations/versions/2026_11_21_0001_first_schema.py",
    "district/demo/data/helsinki/pois.geojson",
    "district/demo/data/helsinki/ATTRIBUTION.md",
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, away from the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = directory.glob("shangquan-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory / "site")
    return directory / "site"


def run(unpacked: Path, *command: str) -> str:
    """What a command of the unpacked wheel prints, away from the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=unpacked.parent,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_wheel_carries_all_that_the_product_reads(unpacked: Path) -> None:
    assert [name for name in CARRIED if not (unpacked / name).is_file()] == []


def test_wheel_carries_no_tests(unpacked: Path) -> None:
    assert not (unpacked / "tests").exists()


def test_commands_run_from_the_wheel(unpacked: Path) -> None:
    where = run(unpacked, "-c", "import district; print(district.__file__)")
    described = json.loads(run(unpacked, "-m", "district", "openapi"))
    assert Path(where.strip()).is_relative_to(unpacked)
    assert "/v1/districts/{d}/stores/nearest" in described["paths"]
