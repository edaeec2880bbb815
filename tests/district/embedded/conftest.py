"""Data directories that the server's account can enter, emptied and stopped after each test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from district.embedded.state import stop_all

QUICK = {"fsync": "off", "shared_buffers": "16MB", "max_wal_size": "64MB"}


@pytest.fixture
def data_dirs() -> Iterator[Callable[[str], Path]]:
    """Makes paths of data directories; pytest's own are closed to the account that servers run as under root."""
    base = Path(tempfile.mkdtemp(prefix="district-test-", dir="/tmp"))
    base.chmod(0o755)
    made: list[Path] = []

    def make(name: str = "data") -> Path:
        made.append(base / name)
        return base / name

    yield make
    for path in made:
        stop_all(path)
    shutil.rmtree(base)


@pytest.fixture
def data_dir(data_dirs: Callable[[str], Path]) -> Path:
    """One data directory."""
    return data_dirs("data")


@pytest.fixture
def quick() -> dict[str, str]:
    """Server options for clusters that live for one test."""
    return dict(QUICK)
