"""A database and dispatchers whose wall clocks tests set."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alembic import command
from sqlalchemy.orm import Session

from district.clock import system
from district.database import make_engine
from district.embedded.checks import migration_config
from tests.chaos.clocks import StrayCluster, WallClock
from tests.chaos.test_delivery_kills import SECRET, settings_of
from tests.product import NOON
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.workers import Nursery

SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))
IN_FLIGHT, WORKERS = 8, 2
POLICY = {"in_flight": IN_FLIGHT, "lease_rows": 40, "lease_s": 30.0, "deadline_s": 8.0}
"""Leases that a dispatcher of a busy machine does not outlive."""
SHORT_LEASES = {"lease_s": 10.0, "deadline_s": 4.0}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A database and dispatchers, each by a clock of its own."""

    url: str
    database: WallClock
    dispatchers: WallClock

    def step(self, who: str, by: timedelta) -> None:
        """Set the clock of the ``dispatchers``, of the ``database``, or of ``both``."""
        if who != "database":
            self.dispatchers.step(self.dispatchers.offset + by)
        if who != "dispatchers":
            self.database.step(self.database.offset + by)

    def show(self, at: datetime) -> None:
        """All show this time now."""
        offset = at - system.machine_now()
        for clock in (self.database, self.dispatchers):
            clock.step(offset)

    def right(self) -> None:
        """All show the machine's time again."""
        for clock in (self.database, self.dispatchers):
            clock.step(timedelta(0))


@contextmanager
def _made_in(directory: Path) -> Iterator[Stage]:
    """A new database, migrated."""
    with ExitStack() as stack:
        database = stack.enter_context(WallClock(directory / "database"))
        dispatchers = stack.enter_context(WallClock(directory / "dispatchers"))
        cluster = StrayCluster(directory / "data", database)
        stack.callback(cluster.stop)
        url = cluster.start()
        command.upgrade(migration_config(url), "head")
        yield Stage(url=url, database=database, dispatchers=dispatchers)


@contextmanager
def made() -> Iterator[Stage]:
    """A new stage, for as long as it is wanted."""
    directory = Path(tempfile.mkdtemp(prefix="district-clock-", dir="/tmp"))
    directory.chmod(0o755)  # the servers' account enters it
    try:
        with _made_in(directory) as stage:
            yield stage
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def at_work(
    stage: Stage, *, business_now: datetime = NOON, is_short: bool = False
) -> Iterator[tuple[Mailing, Nursery, Sink, Rows]]:
    """A mailing by text messages, and where dispatchers are started."""
    print("seed", SEED)  # noqa: T201 shown when it fails
    engine = make_engine(stage.url, pool_size=2)
    with Sink(answer_after_s=0.05) as sink, Session(engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=business_now, secret=SECRET)
        mailing.relay()
        rows = Rows(url=stage.url, district_id=mailing.district.id)
        environment, policy = stage.dispatchers.environment, POLICY | (SHORT_LEASES if is_short else {})
        with Nursery(settings=settings_of(stage.url), policy=policy, environment=environment) as nursery:
            yield mailing, nursery, sink, rows
        rows.end()
    engine.dispose()
