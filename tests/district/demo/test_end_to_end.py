"""The demo as a person starts it: members and offers appear through the product's own interfaces, and it stops."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from district.clock import monotonic
from district.database import psycopg_dsn
from district.demo.resuming import EVERY_S
from district.embedded.nats import free_port
from district.embedded.postgres import Cluster
from district.embedded.state import list_roles
from tests.running_demo import district, own_data_dir

OFFERS_WITHIN_S = 150
POLL_S = 0.5


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with own_data_dir() as made:
        yield made


def _operator(client: httpx.Client, info: dict[str, Any]) -> dict[str, str]:
    """The header of an operator's program."""
    (user,) = [user for user in info["users"] if user["role"] == "operator"]
    answer = client.post("/v1/tokens", json={name: user[name] for name in ("username", "password")})
    return {"authorization": f"Bearer {answer.json()['token']}"}


def _live(client: httpx.Client, info: dict[str, Any]) -> dict[str, Any]:
    """The first message of the operator's live stream."""
    path = f"/v1/districts/{info['district']}/footfall/live"
    with client.stream("GET", path, headers=_operator(client, info)) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith('data: {"'))
        message: dict[str, Any] = json.loads(next(lines).removeprefix("data: "))
        return message


def _offers(client: httpx.Client, info: dict[str, Any]) -> int:
    return sum(line["kind"] == "offer" for line in _live(client, info)["ticker"])


def _fixes(client: httpx.Client, info: dict[str, Any]) -> int:
    """How many sightings the walkers' feed has taken today."""
    path = f"/v1/districts/{info['district']}/feeds/{info['keys']['meraki_feed']}"
    rows = client.get(path, headers=_operator(client, info)).json()["rows_today"]
    return int(rows.get("accepted", 0))


def _until(check: Callable[[], bool], within_s: float) -> None:
    deadline = monotonic() + within_s
    while not check():
        assert monotonic() < deadline, "did not happen in time"
        time.sleep(POLL_S)


def _devices(data_dir: Path, since: int) -> tuple[int, set[bytes]]:
    """The devices of the sightings after the one with this number in the order of arrival, and how many rows there are."""
    sql = "SELECT device FROM raw_sighting ORDER BY received_at, at, source_id"
    with psycopg.connect(psycopg_dsn(Cluster(data_dir).url), autocommit=True) as connection:
        rows = [bytes(row[0]) for row in connection.execute(sql).fetchall()]
    return len(rows), set(rows[since:])


def _check_that_killed_walkers_come_back_as_the_same_people(data_dir: Path) -> None:
    """Sixty people who came back as others would be sixty new devices."""
    time.sleep(2 * EVERY_S)  # who came later than the last note is a newcomer again
    rows, before = _devices(data_dir, 0)
    (walk,) = [status for status in list_roles(data_dir) if status.role == "walk"]
    assert walk.pid is not None
    os.kill(walk.pid, signal.SIGKILL)
    _until(lambda: len(_devices(data_dir, rows)[1]) >= 30, OFFERS_WITHIN_S)
    _, after = _devices(data_dir, rows)
    assert len(after & before) >= 0.5 * len(after)


@pytest.mark.demo
def test_the_demo_comes_up_walks_gives_offers_resumes_and_stops(data_dir: Path, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "info.json"
    started = district(
        data_dir, port, "demo", "--until-ready", "--shoppers", "60", "--speed", "4", "--info", str(file)
    )
    assert started.returncode == 0, started.stderr
    info = json.loads(file.read_text())
    assert set(info["pages"]) == {"home", "portal", "shopper", "nearest", "merchant", "operator"}
    assert file.stat().st_mode & 0o077 == 0
    with httpx.Client(base_url=info["base_url"], timeout=90, trust_env=False) as client:
        _until(lambda: client.get("/readyz").status_code == 200, OFFERS_WITHIN_S)
        assert "Demo" in client.get("/").text
        assert client.get(info["pages"]["portal"]).status_code == 303
        _until(lambda: (_live(client, info)["members"] or 0) >= 10, OFFERS_WITHIN_S)
        _until(lambda: _fixes(client, info) > 60, OFFERS_WITHIN_S)
        _until(lambda: _offers(client, info) > 0, OFFERS_WITHIN_S)
        _check_that_killed_walkers_come_back_as_the_same_people(data_dir)
        before = client.get("/healthz").json()["now"]
    taken = district(data_dir, port, "demo", "--until-ready")
    assert taken.returncode == 1
    assert "already running" in taken.stderr
    assert "stopped" in district(data_dir, port, "down").stdout
    again = district(data_dir, port, "demo", "--until-ready", "--no-walkers", "--info", str(file))
    assert again.returncode == 0, again.stderr
    assert json.loads(file.read_text()) == info
    with httpx.Client(base_url=info["base_url"], timeout=90, trust_env=False) as client:
        now = client.get("/healthz").json()["now"]
    assert now[:10] == before[:10]
    stopped = district(data_dir, port, "down")
    assert "web" in stopped.stdout
