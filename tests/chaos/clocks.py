"""Wall clocks that tests set while their processes run: libfaketime, with the offset in a file.

Only the wall clock moves. The monotonic clocks go on as on a real machine whose time somebody sets.
"""

import ctypes
import os
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from district.clock import system
from district.embedded.packages_of_tests import CLOCK_MOVER, clock_mover
from district.embedded.postgres import Cluster
from district.embedded.programs import PostgresPrograms

SHARED_MEMORY: Final = Path("/dev/shm")
SHARED_BYTES: Final = 4_096


class WallClock:
    """``with WallClock(file) as clock``: the clock of all processes with its environment; right at first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._name = f"district_clock_{secrets.token_hex(8)}"
        self.offset = timedelta(0)
        self._steps: list[tuple[datetime, timedelta]] = []

    def __enter__(self) -> Self:
        # By itself each process names what it shares by its number, leaves it behind when it is killed, and ends at
        # once where another account left the same name: all get this, which any account may open.
        flags = os.O_CREAT | os.O_EXCL
        semaphore = ctypes.CDLL(None, use_errno=True).sem_open
        semaphore.restype = ctypes.c_void_p
        if not semaphore(f"/{self._name}".encode(), flags, 0o666, 1):
            raise OSError(ctypes.get_errno(), "sem_open")
        (SHARED_MEMORY / f"sem.{self._name}").chmod(0o666)
        memory = SHARED_MEMORY / self._name
        memory.write_bytes(bytes(SHARED_BYTES))
        memory.chmod(0o666)
        self.step(timedelta(0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in (f"sem.{self._name}", self._name):
            (SHARED_MEMORY / name).unlink(missing_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """For the processes that go by it. Files' times stay true."""
        library = clock_mover()
        assert library is not None, f"{CLOCK_MOVER} is not installed: run `make bootstrap`"
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_SHARED": f"/{self._name} /{self._name}",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, offset: timedelta) -> None:
        """From now on the clock is this much ahead of the machine's."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset.total_seconds():+.6f}")
        new.chmod(0o644)
        new.replace(self._file)  # at once: whoever asks for the time reads a whole file
        self.offset = offset
        self._steps.append((system.machine_now(), offset))

    def showed(self, at: datetime) -> datetime:
        """What it showed at an instant of the machine's own clock."""
        return at + next(offset for since, offset in reversed(self._steps) if since <= at)


class StrayCluster(Cluster):
    """A private PostgreSQL whose server goes by a wall clock of its own."""

    def __init__(self, data_dir: Path, clock: WallClock) -> None:
        super().__init__(data_dir, options={"fsync": "off", "max_wal_size": "128MB", "min_wal_size": "64MB"})
        self._clock = clock

    def _programs(self) -> PostgresPrograms:
        found = super()._programs()
        if not (self.directory / "PG_VERSION").exists():
            return found  # making a cluster asks for the time very often
        return replace(found, environment={**found.environment, **self._clock.environment})

    def start(self) -> str:
        """Make it where it is missing, then start it by its own clock."""
        if not (self.directory / "PG_VERSION").exists():
            self._prepare_directories()
            self._initialise(self._programs())
        return super().start()
