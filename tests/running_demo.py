"""The demo as a person starts it: by the command line, on a data directory of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from district.embedded.nats import free_port
from district.embedded.state import stop_all

START_WITHIN_S = 600


def district(
    data_dir: Path, port: int, *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """One command; settings of the caller's own shell do not reach it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
    own = {"DISTRICT_DATA_DIR": str(data_dir), "DISTRICT_PORT": str(port)}
    return subprocess.run(
        [sys.executable, "-m", "district", *arguments],
        env={**kept, **own, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=START_WITHIN_S,
        check=False,
    )


@contextmanager
def own_data_dir() -> Iterator[Path]:
    """A data directory that the servers' account may enter; what still runs on it at the end is stopped."""
    base = Path(tempfile.mkdtemp(prefix="district-demo-", dir="/tmp"))
    base.chmod(0o755)
    try:
        yield base / "data"
    finally:
        stop_all(base / "data")
        shutil.rmtree(base)


@contextmanager
def running_demo(*arguments: str, environment: Mapping[str, str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A demo that is ready: its data directory, and its addresses, log-ins and keys."""
    with own_data_dir() as data_dir:
        file = data_dir.parent / "info.json"
        asked = ("demo", "--until-ready", "--info", str(file), *arguments)
        started = district(data_dir, free_port(), *asked, environment=environment)
        assert started.returncode == 0, started.stderr
        yield data_dir, json.loads(file.read_text())
