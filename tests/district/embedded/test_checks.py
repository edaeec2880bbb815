"""What a role refuses to start against."""

import subprocess
from pathlib import Path

import psycopg
import pytest
from alembic import command

from district.embedded import checks
from district.embedded.errors import StartRefused
from district.embedded.nats import NatsServer, free_port
from district.embedded.postgres import Cluster
from district.embedded.programs import find_nats


@pytest.fixture
def url(data_dir: Path, quick: dict[str, str]) -> str:
    return Cluster(data_dir, options=quick).start()


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def test_schema_is_accepted_only_at_its_newest_revision(url: str) -> None:
    checks.check_database(url)
    with pytest.raises(
        StartRefused, match=r"the schema is empty, this program needs .*: run `district migrate`"
    ):
        checks.check_schema(url)
    command.upgrade(checks.migration_config(url), "head")
    checks.check_schema(url)
    execute(url, "UPDATE alembic_version SET version_num = 'from_the_future'")
    with pytest.raises(StartRefused, match=r"newer than this program .*: update the program"):
        checks.check_schema(url)


def test_database_without_postgis_is_refused(url: str) -> None:
    execute(url, "CREATE DATABASE bare")
    with pytest.raises(StartRefused, match="no PostGIS: run `CREATE EXTENSION postgis`"):
        checks.check_database(url.replace("/district?", "/bare?"))


@pytest.mark.parametrize("version", ["3.2.9", "2.5", "3"])
def test_old_postgis_is_refused(version: str) -> None:
    with pytest.raises(StartRefused, match=f"PostGIS {version} is too old"):
        checks.check_postgis_version(version)


@pytest.mark.parametrize("version", ["3.3.2", "3.10.0", "4.0", "3.4.0dev"])
def test_new_postgis_is_accepted(version: str) -> None:
    assert refusal_of(version) is None


def refusal_of(version: str) -> str | None:
    """Why a PostGIS is not good enough."""
    try:
        checks.check_postgis_version(version)
    except StartRefused as refused:
        return str(refused)
    return None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("mysql://here/db", "must begin with postgresql://"),
        ("district", "must begin with postgresql://"),
        ("postgresql://127.0.0.1:1/district", "cannot be reached"),
        ("postgresql:///x?nonsense=1", "cannot be read"),
    ],
)
def test_bad_database_url_is_one_line(bad: str, reason: str) -> None:
    with pytest.raises(StartRefused, match=reason) as refusal:
        checks.check_database(bad, wait_s=0)
    assert "\n" not in str(refusal.value)


def test_event_log_is_accepted(data_dir: Path) -> None:
    server = NatsServer(data_dir)
    checks.check_event_log(server.start())
    with pytest.raises(StartRefused, match="refuses the log-in"):
        checks.check_event_log(f"nats://{server.address}", wait_s=0)


def test_event_log_without_jetstream_is_refused() -> None:
    port = free_port()
    with subprocess.Popen(
        [find_nats().path, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    ) as server:
        with pytest.raises(StartRefused, match="no JetStream"):
            checks.check_event_log(f"nats://127.0.0.1:{port}")
        server.terminate()


def test_event_log_that_is_not_there_is_refused() -> None:
    with pytest.raises(StartRefused, match="cannot be reached at DISTRICT_NATS_URL"):
        checks.check_event_log(f"nats://127.0.0.1:{free_port()}", wait_s=0)
