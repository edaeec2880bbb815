"""The installer's decisions; what it installs is tried on bare machines."""

import subprocess
import sys
from pathlib import Path

import pytest

from district.embedded import bootstrap
from district.embedded.system_packages import BootstrapError, PrivatePackages, Runner, newest_postgis


def test_newest_postgis_is_chosen() -> None:
    names = "postgresql-15-postgis-3\npostgresql-16-postgis-3-scripts\npostgresql-9.6-postgis-3 postgresql-16-postgis-3"
    assert newest_postgis(names) == "postgresql-16-postgis-3"


@pytest.mark.parametrize("names", ["", "postgresql-14-postgis-3", "postgresql-15"])
def test_system_without_a_new_enough_postgis_is_told(names: str) -> None:
    with pytest.raises(BootstrapError, match=r"Debian 12 or Ubuntu 24\.04"):
        newest_postgis(names)


def test_failed_command_is_one_line_with_its_reason(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "log")
    with pytest.raises(BootstrapError, match="cannot be fetched: E: no such thing") as failure:
        runner.run(
            ["sh", "-c", "echo start; echo 'E: no such thing' >&2; echo bye; exit 100"],
            "it cannot be fetched",
        )
    assert "\n" not in str(failure.value)
    assert "bye" in (tmp_path / "log").read_text()
    with pytest.raises(BootstrapError, match="nowhere is not installed"):
        runner.run(["nowhere"], "it cannot be done")


def test_packages_are_unpacked_with_what_their_scripts_would_have_done(tmp_path: Path) -> None:
    root = tmp_path / "with spaces" / "root"
    extension = "usr/share/postgresql/15/extension"
    tree = tmp_path / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    control = "Package: sample\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: sample\n"
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / extension).mkdir(parents=True)
    (tree / extension / "postgis-3.control").write_text("default_version = '3.3.2'\n")
    subprocess.run(
        ["dpkg-deb", "--build", str(tree), str(tmp_path / "sample.deb")], check=True, capture_output=True
    )
    PrivatePackages(Runner(tmp_path / "log"), root).unpack([tmp_path / "sample.deb"])
    assert (root / extension / "postgis.control").read_text() == "default_version = '3.3.2'\n"


def test_fingerprint_follows_the_lock_file_and_the_profile() -> None:
    assert bootstrap.fingerprint("demo") == bootstrap.fingerprint("demo")
    assert bootstrap.fingerprint("demo") != bootstrap.fingerprint("test")


def test_nothing_is_missing_where_the_tests_run() -> None:
    assert {"postgis", "nats-server"}.isdisjoint(bootstrap.missing_packages("demo"))


def test_unknown_profile_is_one_line() -> None:
    told = subprocess.run(
        [sys.executable, bootstrap.__file__, "everything"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr == "bootstrap: choose one of demo, test\n"


def test_installer_needs_only_the_standard_library() -> None:
    probe = "import sys, runpy; sys.argv = ['x', 'nothing']\ntry: runpy.run_path({path!r}, run_name='__main__')\nexcept SystemExit as e: print(e)"
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", probe.format(path=bootstrap.__file__)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout == "bootstrap: choose one of demo, test\n", told.stderr
