"""The commands as a person runs them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from district.embedded.postgres import Cluster


def district(data_dir: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
    return subprocess.run(
        [sys.executable, "-m", "district", *arguments],
        env={**kept, "DISTRICT_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_runs_on_a_new_directory(data_dir: Path) -> None:
    assert json.loads(district(data_dir, "ps", "--json").stdout) == []
    assert district(data_dir, "down").stdout == "nothing was running\n"
    assert not data_dir.exists()


def test_role_without_servers_refuses_in_one_line(data_dir: Path) -> None:
    refused = district(data_dir, "web")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"district: no database runs on {data_dir}: start `district up`, or set DISTRICT_DATABASE_URL\n"
    )


def test_role_on_a_stale_schema_refuses_and_migrate_mends_it(data_dir: Path, quick: dict[str, str]) -> None:
    url = Cluster(data_dir, options=quick).start()
    servers = {
        "DISTRICT_DATABASE_URL": url,
        "DISTRICT_NATS_URL": "nats://127.0.0.1:1",
        "DISTRICT_SECRET": "x" * 40,
    }
    refused = district(data_dir, "web", **servers)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "run `district migrate`" in refused.stderr
    assert district(data_dir, "migrate").returncode == 0
    again = district(data_dir, "db", "upgrade")
    assert again.returncode == 0, again.stderr
    assert [row["role"] for row in json.loads(district(data_dir, "ps", "--json").stdout) if row["pid"]] == [
        "postgres"
    ]


def test_own_database_without_a_shared_secret_is_refused(data_dir: Path) -> None:
    refused = district(data_dir, "migrate", DISTRICT_DATABASE_URL="postgresql://127.0.0.1:1/district")
    assert refused.returncode == 1
    assert "set DISTRICT_SECRET" in refused.stderr


def test_settings_are_shown_without_their_secrets(data_dir: Path) -> None:
    shown = district(
        data_dir,
        "settings",
        DISTRICT_SECRET="s" * 40,
        DISTRICT_DATABASE_URL="postgresql://me:hidden-password@db.example/district",
        DISTRICT_PORT="9000",
    ).stdout
    assert "DISTRICT_PORT=9000  # Port" in shown
    assert "DISTRICT_DATABASE_URL=postgresql://me:********@db.example/district" in shown
    assert "DISTRICT_SECRET=********" in shown
    assert "hidden-password" not in shown
    assert "ssss" not in shown


def test_bad_setting_is_one_line(data_dir: Path) -> None:
    refused = district(data_dir, "settings", DISTRICT_PORT="many")
    assert refused.returncode == 1
    assert refused.stderr.startswith("district: DISTRICT_PORT: ")
    assert refused.stderr.count("\n") == 1


def test_taken_port_is_one_line_and_starts_nothing(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = district(data_dir, "up", DISTRICT_PORT=str(port))
    assert refused.returncode == 1
    assert f"district: cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert not (data_dir / "postgres").exists()
