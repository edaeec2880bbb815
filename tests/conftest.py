"""One private PostGIS and one private NATS for the whole run; a database of its own for each module."""

import gc
import resource
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from alembic import command
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from hypothesis import HealthCheck
from hypothesis import settings as examples
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district import database, events
from district.app import create_app
from district.clock import FixedClock
from district.database import make_engine
from district.embedded.checks import migration_config
from district.embedded.nats import NatsServer
from district.embedded.postgres import Cluster
from district.radius import accounting
from district.settings import Settings
from district.sightings import service as sightings
from tests.factories import Makers

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "district_template"
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "256MB"}
NOON = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)  # a Friday, 12:00 in Helsinki

# The same examples in every run, and none is wrong for being slow: a busy machine refuses no change. Whoever looks for
# new ones says --hypothesis-profile=search.
examples.register_profile(
    "suite",
    database=None,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
examples.register_profile(
    "search", parent=examples.get_profile("suite"), derandomize=False, max_examples=2_000
)
examples.load_profile("suite")

PATIENCE_S = 60
MEMORY_STEP_BYTES = 400 << 20
_memory_bytes = 0


@pytest.fixture(autouse=True, scope="session")
def patience() -> Iterator[None]:
    """A machine that is busy is no outage: what runs in this process waits longer for its servers than a product would."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONNECT_TIMEOUT_S", "FREE_CONNECTION_WITHIN_S", "FREE_SESSION_WITHIN_S"):
            patch.setattr(database, name, PATIENCE_S)
        patch.setattr(database, "STATEMENT_TIMEOUT_MS", 2 * PATIENCE_S * 1_000)
        patch.setattr(events, "CONNECT_TIMEOUT_S", PATIENCE_S)
        patch.setattr(events, "FIRST_CONNECT_S", float(PATIENCE_S))
        for publishing in (sightings, accounting):
            patch.setattr(publishing, "ACKNOWLEDGE_WITHIN_S", float(PATIENCE_S))
        yield


@pytest.fixture(scope="module")
def short_patience() -> Iterator[None]:
    """As a product waits: for tests of servers that are away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "FREE_CONNECTION_WITHIN_S", 3.0)
        patch.setattr(database, "FREE_SESSION_WITHIN_S", 5.0)
        patch.setattr(database, "CONNECT_TIMEOUT_S", 3)
        patch.setattr(events, "CONNECT_TIMEOUT_S", 3)
        patch.setattr(events, "FIRST_CONNECT_S", 5.0)
        yield


@pytest.fixture(autouse=True, scope="module")
def returned_memory() -> Iterator[None]:
    """Give back what applications of earlier modules left behind.

    Each freezes what is in memory when it starts, as its process is its own: garbage of the one before among it.
    """
    global _memory_bytes  # noqa: PLW0603 what the process held when it was last looked at
    yield
    if resident_bytes() > _memory_bytes + MEMORY_STEP_BYTES:
        gc.unfreeze()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ResourceWarning
            )  # of a test long over, which no later one answers for
            gc.collect()
        gc.freeze()
        _memory_bytes = resident_bytes()


def resident_bytes() -> int:
    """What this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Servers:
    """The private servers of one test run."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="district-tests-"))
        self.directory.chmod(0o755)
        self.cluster = Cluster(self.directory / "data", options=FAST)
        self.nats = NatsServer(self.directory / "data")
        self.addresses: dict[str, str] = {}

    def start(self) -> dict[str, str]:
        """Start both, migrate the template; what a worker needs to know."""
        self.cluster.start()
        nats_url = self.nats.start()
        with psycopg.connect(admin_url(self.cluster.url), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        template = self.cluster.url_of(TEMPLATE)
        with psycopg.connect(dsn(template), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
            connection.execute("CREATE EXTENSION btree_gist")
        migrate(template)
        self.addresses = {"database": self.cluster.url, "nats": nats_url}
        return self.addresses

    def stop(self) -> None:
        """Stop both and forget their data."""
        self.nats.stop()
        self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def dsn(url: str) -> str:
    """The URL in psycopg's own form."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def admin_url(url: str) -> str:
    """The server's own database, beside which others are made."""
    return with_database(dsn(url), "postgres")


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision."""
    command.upgrade(migration_config(url), revision)


_servers = pytest.StashKey[Servers]()


def pytest_configure_node(node: Any) -> None:
    """Under xdist the controller starts the servers once and tells each worker."""
    config = node.config
    if _servers not in config.stash:
        config.stash[_servers] = Servers()
        config.stash[_servers].start()
    node.workerinput["addresses"] = config.stash[_servers].addresses


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the controller started."""
    if _servers in config.stash:
        config.stash[_servers].stop()


@pytest.fixture(scope="session")
def addresses(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the run's PostgreSQL and NATS listen."""
    worker: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    if worker is not None:
        found: dict[str, str] = worker["addresses"]
        return found
    servers = Servers()
    request.config.stash[_servers] = servers
    return servers.start()


@contextmanager
def cloned_database(server_url: str) -> Iterator[str]:
    """A migrated database, dropped at the end."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(admin_url(server_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield with_database(dsn(server_url), name)
    finally:
        with psycopg.connect(admin_url(server_url), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database_url(addresses: dict[str, str]) -> Iterator[str]:
    """The module's own database."""
    with cloned_database(addresses["database"]) as url:
        yield url


@pytest.fixture(scope="module")
def nats_url(addresses: dict[str, str]) -> str:
    """The run's NATS; subjects carry the district's id, so tests with districts of their own never meet."""
    return addresses["nats"]


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    """Connections to the module's database."""
    engine = make_engine(database_url, pool_size=4)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose work is undone after the test: for services that need one connection only."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


@pytest.fixture
def clock() -> FixedClock:
    """Noon of a Friday in Helsinki, until the test moves it."""
    return FixedClock(NOON)


@pytest.fixture
def makers(session: Session, clock: FixedClock) -> Makers:
    """Makers of rows inside the test's transaction."""
    return Makers(session, clock)


@pytest.fixture
def committed(engine: Engine, clock: FixedClock) -> Iterator[Makers]:
    """Makers of rows that other connections see; each test uses a district of its own."""
    with Session(engine, expire_on_commit=False) as session:
        yield Makers(session, clock, commit=True)


@pytest.fixture
def settings(database_url: str, nats_url: str, tmp_path: Path) -> Settings:
    """Settings that point to the run's servers."""
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        nats_url=nats_url,
        webhook_allow_private=True,
        database_pool_size=4,
    )


@pytest.fixture
async def app(settings: Settings, clock: FixedClock) -> AsyncIterator[FastAPI]:
    """The running application on the module's database."""
    application = create_app(settings, clock)
    async with LifespanManager(application, startup_timeout=150, shutdown_timeout=60):
        yield application


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running application."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


async def refresh(app: FastAPI) -> None:
    """Read every snapshot again, as a notice would."""
    for name, snapshot in app.state.snapshots.items():
        assert await snapshot.refresh(), name
