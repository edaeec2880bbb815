"""A whole product in a directory of its own: what `district up` runs, started, asked, killed and stopped by tests."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from alembic import command
from sqlalchemy.orm import Session

from district.clock import FixedClock, Simulation, system
from district.database import make_engine, make_sessions, psycopg_dsn
from district.districts import service as districts
from district.embedded.checks import migration_config
from district.embedded.nats import NatsServer, free_port
from district.embedded.postgres import Cluster
from district.embedded.state import RoleState, RoleStatus, list_roles, stop_all
from tests.factories import Makers

NOON = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)  # a Friday, 12:00 in Helsinki: shops are open, nobody sleeps
ROLES = ("web", "engine", "worker")
START_TIMEOUT_S = 180.0
POLL_S = 0.02
T = TypeVar("T")


class NeverHappened(AssertionError):
    """What was waited for did not come in time."""


def wait_for(what: str, ask: Callable[[], T | None], *, timeout_s: float) -> T:
    """The first answer that is neither None nor False."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        time.sleep(POLL_S)
    raise NeverHappened(f"{what}: not within {timeout_s:g} s")


class Product:
    """``with Product() as product``: the database is migrated and can be filled; ``start`` brings the rest up.

    Business time starts at noon of a Friday in Helsinki, so that no test depends on the hour at which it runs.
    """

    def __init__(
        self, *, options: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        # Not the user's own temporary directory: under root the servers' account must be able to enter it.
        self._base = Path(tempfile.mkdtemp(prefix="district-product-", dir="/tmp"))
        self._base.chmod(0o755)
        self.data_dir = self._base / "data"
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.cluster = Cluster(self.data_dir, options=options)
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._output = (self._base / "output.log").open("wb")

    def __enter__(self) -> Self:
        try:
            url = self.cluster.start()
            command.upgrade(migration_config(url), "head")
            self.engine = make_engine(url, pool_size=2)
            self.sessions = make_sessions(self.engine)
            with self.sessions.begin() as session:
                now = system.machine_now()
                districts.simulate(session, Simulation(machine_from=now, business_from=NOON))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(f"the product's last lines:\n{self.last_lines()}\n")
        self.close()

    def close(self) -> None:
        """Stop everything and forget its data."""
        if hasattr(self, "engine"):
            self.engine.dispose()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        stop_all(self.data_dir)
        self._output.close()
        shutil.rmtree(self._base, ignore_errors=True)

    @property
    def dsn(self) -> str:
        """The database for psycopg."""
        return psycopg_dsn(self.cluster.url)

    @property
    def nats_url(self) -> str:
        """The event log; valid once started."""
        return NatsServer(self.data_dir).url

    def now(self) -> datetime:
        """Business time."""
        row = self.row("SELECT machine_from, business_from FROM clock_simulation")
        found: datetime = row[1] + (system.machine_now() - row[0])
        return found

    @contextmanager
    def makers(self) -> Iterator[Makers]:
        """Rows of a moment ago, committed at the end."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield Makers(session, FixedClock(NOON, machine=system.machine_now()))
            session.commit()

    def row(self, sql: str, *values: Any) -> tuple[Any, ...]:
        """The one row of a query, on a connection of its own: it may follow a kill."""
        with psycopg.connect(self.dsn, autocommit=True, connect_timeout=5) as connection:
            found = connection.execute(sql.encode(), values).fetchone()
        assert found is not None
        return found

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with psycopg.connect(self.dsn, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def start(self, *, roles: Sequence[str] = ROLES) -> None:
        """`district up`; returns when these roles run and the web role is ready."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
        own = {"DISTRICT_DATA_DIR": str(self.data_dir), "DISTRICT_PORT": str(self.port)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "district", "up"],
            env={**kept, **self._environment, **own},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        wait_for(
            "every role runs",
            lambda: all(self.status(role).state is RoleState.RUNNING for role in roles) and self.is_ready(),
            timeout_s=START_TIMEOUT_S,
        )

    def status(self, role: str) -> RoleStatus:
        """What `district ps` says of a role or server."""
        nothing = RoleStatus(role=role, pid=None, state=RoleState.STOPPED, address=None)
        return next((status for status in list_roles(self.data_dir) if status.role == role), nothing)

    def pid(self, role: str) -> int:
        """The process of a running role or server."""
        pid = self.status(role).pid
        assert pid is not None, f"{role} does not run"
        return pid

    def kill(self, role: str) -> int:
        """kill -9; the pid that it had."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_ready(self) -> bool:
        """Whether the web role reaches the database and the event log."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=3) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    def last_lines(self, count: int = 60) -> str:
        """The end of what `district up` printed."""
        self._output.flush()
        lines = (self._base / "output.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-count:])
