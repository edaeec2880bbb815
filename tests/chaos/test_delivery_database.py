"""The database goes away in the middle of sending: nothing is told twice, and what is missing says that nobody knows.

Its sessions are ended, it is restarted, its postmaster is killed, its disk is full. DISTRICT_CHAOS_SEED repeats a run.
"""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy.orm import Session

from district.database import make_engine, psycopg_dsn
from district.embedded.checks import migration_config
from district.embedded.postgres import Cluster
from push.consent import Channel
from tests.chaos.test_delivery_kills import SECRET, settings_of
from tests.product import NOON, wait_for
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.workers import Nursery

SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))
MESSAGES, IN_FLIGHT, WORKERS = 4_000, 8, 2
POLICY = {"in_flight": IN_FLIGHT, "lease_rows": 40, "lease_s": 8.0, "deadline_s": 2.0}
FAULTS = 4
FINAL_WITHIN_S = 60.0
DISK_BYTES = 700 << 20
END_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def end_sessions(cluster: Cluster) -> None:
    """Every connection is cut."""
    with psycopg.connect(psycopg_dsn(cluster.url), autocommit=True, connect_timeout=5) as connection:
        connection.execute(END_SESSIONS)


def restart(cluster: Cluster) -> None:
    """Down and up again, in order."""
    cluster.stop()
    cluster.start()


def kill_postmaster(cluster: Cluster) -> None:
    """kill -9; what it had written is recovered."""
    process = cluster.process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    wait_for("the postmaster is gone", lambda: not cluster.is_running(), timeout_s=10)
    wait_for("it is back", lambda: came_back(cluster), timeout_s=30)


def came_back(cluster: Cluster) -> bool:
    """Whether a start works by now: children of the one that was killed may still hold its memory."""
    try:
        cluster.start()
    except Exception:
        return False
    return True


def fill_disk(cluster: Cluster) -> None:
    """Nothing can be written for some seconds."""
    ballast = cluster.data_dir / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    time.sleep(3.0)  # not a condition: the outage itself
    ballast.unlink()
    wait_for("the database takes sessions", lambda: came_back(cluster), timeout_s=60)


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of its own, which can be full."""
    directory.mkdir(mode=0o755, exist_ok=True)
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{size},mode=755", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def harass(cluster: Cluster, fault: Callable[[Cluster], None]) -> None:
    """Queue, break, wait, compare."""
    print("seed", SEED)  # noqa: T201
    chance, url = random.Random(SEED), cluster.url
    engine = make_engine(url, pool_size=2)
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        mailing.relay()
        ids = {str(one) for one in mailing.queue(MESSAGES, Channel.SMS)}
        rows = Rows(url=url, district_id=mailing.district.id)
        session.close()
        engine.dispose()
        with Nursery(settings=settings_of(url), policy=POLICY) as nursery:
            for _ in range(WORKERS):
                nursery.start()
            wait_for("it has begun", lambda: len(sink.taken()) > 100, timeout_s=30)
            for _ in range(FAULTS):
                fault(cluster)
                time.sleep(chance.uniform(0.5, 1.5))  # not a condition: where the next fault falls
            wait_for("all are final", lambda: is_over(rows), timeout_s=FINAL_WITHIN_S)
        states = rows.states()
        got = Counter(line.delivery_id for line in sink.taken())
    assert not [one for one, times in got.items() if times > 1], f"seed {SEED}"
    missing = {states[one] for one in ids - set(got)}
    count = Counter(states.values())
    print(count, "in the sink", len(got))  # noqa: T201
    assert missing <= {"unknown"}, missing
    assert set(count) <= {"accepted", "unknown"}
    assert count["unknown"] <= IN_FLIGHT * WORKERS * FAULTS


def is_over(rows: Rows) -> bool:
    """Whether all are final; a database that is away says nothing."""
    try:
        return rows.active() == 0
    except psycopg.OperationalError:
        return False


@contextmanager
def migrated(directory: Path) -> Iterator[Cluster]:
    """A database of its own."""
    cluster = Cluster(directory / "data", options={"max_wal_size": "128MB", "min_wal_size": "64MB"})
    try:
        command.upgrade(migration_config(cluster.start()), "head")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place that the servers' account may enter."""
    made = Path(tempfile.mkdtemp(prefix="district-chaos-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.chaos
@pytest.mark.parametrize("fault", [end_sessions, restart, kill_postmaster], ids=lambda one: one.__name__)
def test_a_database_that_goes_and_comes_makes_nothing_arrive_twice(
    fault: Callable[[Cluster], None], directory: Path
) -> None:
    with migrated(directory) as cluster:
        harass(cluster, fault)


@pytest.mark.chaos
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk_makes_nothing_arrive_twice(directory: Path) -> None:
    with small_disk(directory / "disk") as disk, migrated(disk) as cluster:
        harass(cluster, fill_disk)
