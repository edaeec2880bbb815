"""The demo as a person starts it: members and offers appear through the product's own interfaces, and it stops."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from district.clock import monotonic
from district.embedded.nats import free_port
from district.embedded.state import stop_all

START_WITHIN_S = 180
OFFERS_WITHIN_S = 90
POLL_S = 0.5


def district(data_dir: Path, port: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
    return subprocess.run(
        [sys.executable, "-m", "district", *arguments],
        env={**kept, "DISTRICT_DATA_DIR": str(data_dir), "DISTRICT_PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=START_WITHIN_S,
        check=False,
    )


@pytest.fixture
def data_dir() -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="district-demo-", dir="/tmp"))
    base.chmod(0o755)
    yield base / "data"
    stop_all(base / "data")
    shutil.rmtree(base)


def _counts(client: httpx.Client, info: dict[str, Any]) -> tuple[int, int]:
    """Offers and redemptions of today, as the operator's own interface tells them."""
    users = {user["role"]: user for user in info["users"]}
    log_in = {name: users["operator"][name] for name in ("username", "password")}
    token = client.post("/v1/tokens", json=log_in).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    with client.stream("GET", f"/v1/districts/{info['district']}/footfall/live", headers=headers) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and '"today"' in line:
                today = json.loads(line.removeprefix("data:"))["today"]
                return today["offers"], today["redemptions"]
    return 0, 0


def _metric(client: httpx.Client, info: dict[str, Any]) -> int:
    """How many sightings the feed has taken today."""
    users = {user["role"]: user for user in info["users"]}
    log_in = {name: users["operator"][name] for name in ("username", "password")}
    token = client.post("/v1/tokens", json=log_in).json()["token"]
    feeds = client.get(
        f"/v1/districts/{info['district']}/feeds", headers={"authorization": f"Bearer {token}"}
    ).json()["feeds"]
    (meraki,) = [feed for feed in feeds if feed["slug"] == info["keys"]["meraki_feed"]]
    return int(meraki["rows_today"].get("accepted", 0))


def _until(check: Any, within_s: float) -> None:
    deadline = monotonic() + within_s
    while not check():
        assert monotonic() < deadline, "did not happen in time"


def test_the_demo_comes_up_walks_gives_offers_resumes_and_stops(data_dir: Path, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "info.json"
    started = district(
        data_dir, port, "demo", "--until-ready", "--shoppers", "60", "--speed", "4", "--info", str(file)
    )
    assert started.returncode == 0, started.stderr
    info = json.loads(file.read_text())
    assert set(info["pages"]) == {"home", "portal", "shopper", "nearest", "merchant", "operator"}
    assert file.stat().st_mode & 0o077 == 0
    with httpx.Client(base_url=info["base_url"], timeout=30, trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
        assert "Demo" in client.get("/").text
        assert client.get(info["pages"]["portal"]).status_code == 303
        _until(lambda: _metric(client, info) > 60, OFFERS_WITHIN_S)
        _until(lambda: _counts(client, info)[0] > 0, OFFERS_WITHIN_S)
        before = client.get("/healthz").json()["now"]
    taken = district(data_dir, port, "demo", "--until-ready")
    assert taken.returncode == 1
    assert "already running" in taken.stderr
    assert "stopped" in district(data_dir, port, "down").stdout
    again = district(data_dir, port, "demo", "--until-ready", "--no-walkers", "--info", str(file))
    assert again.returncode == 0, again.stderr
    assert json.loads(file.read_text()) == info
    with httpx.Client(base_url=info["base_url"], timeout=30, trust_env=False) as client:
        now = client.get("/healthz").json()["now"]
    assert now[:10] == before[:10]
    stopped = district(data_dir, port, "down")
    assert "web" in stopped.stdout
