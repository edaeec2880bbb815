"""The web role while the database or the event log is away: it starts, says so, and comes back by itself."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import text

from district import events
from district.app import create_app
from district.auth.models import Role
from district.clock import FixedClock, SystemClock
from district.embedded.nats import NatsServer
from district.settings import Settings
from district.snapshot import Snapshot
from tests.conftest import admin_url, refresh
from tests.factories import Makers

pytestmark = pytest.mark.usefixtures("short_patience")

SOON_S = 90.0
# Less than what a hidden wait for a connection takes.
ANSWERS_WITHIN_S = 20.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"snapshot_poll": timedelta(milliseconds=200)})


@pytest.fixture
def log_directory() -> Iterator[Path]:
    """A place that the server's own account can enter; pytest's is private."""
    directory = Path(tempfile.mkdtemp(prefix="district-outage-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition, and fail when it does not come."""
    async with asyncio.timeout(SOON_S):
        while not await condition():  # noqa: ASYNC110 conditions of other processes send no event
            await asyncio.sleep(0.05)


@contextmanager
def database_away(url: str) -> Iterator[None]:
    """Cut every connection to one database and let nobody in, as its loss would."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(admin_url(url), autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@asynccontextmanager
async def running(settings: Settings, clock: Any) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = create_app(settings, clock)
    async with LifespanManager(app, startup_timeout=120, shutdown_timeout=60):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            yield app, client


async def is_ready(client: httpx.AsyncClient) -> bool:
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        answer = await client.get("/readyz")
    return answer.status_code == 200


async def test_snapshots_serve_stale_through_an_outage_and_are_fresh_after_it(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, database_url: str
) -> None:
    district = committed.district()
    token = committed.token(district, Role.OPERATOR)
    feed = committed.feed(district)
    key = committed.key(district, Role.FEED, scope_id=feed.id)
    await refresh(app)
    path = f"/v1/districts/{district.slug}"
    with database_away(database_url):
        assert not await is_ready(client)
        page = await client.get(f"{path}/gateways", headers={"authorization": f"Bearer {token}"})
        rows = await client.post(
            f"{path}/sightings", json={"sightings": []}, headers={"authorization": f"Bearer {key}"}
        )
        unknown = await client.get("/v1/districts/nowhere/gateways")
    assert page.status_code == 503
    assert page.headers["content-type"] == "application/problem+json"
    assert page.headers["retry-after"]
    assert rows.status_code == 202
    assert unknown.status_code == 401
    committed.session.rollback()
    committed.session.connection().invalidate()
    committed.session.rollback()
    later = committed.district()

    async def is_known() -> bool:
        return later.slug in app.state.registry.value.by_slug

    await until(is_known)
    await until(lambda: is_ready(client))


async def test_a_role_that_starts_without_its_database_says_unavailable_and_not_unknown(
    settings: Settings, clock: FixedClock, committed: Makers, database_url: str
) -> None:
    district = committed.district()
    token = committed.token(district, Role.OPERATOR)
    committed.session.close()
    path, headers = f"/v1/districts/{district.slug}/gateways", {"authorization": f"Bearer {token}"}
    with database_away(database_url):
        starting = running(settings, clock)
        app, client = await starting.__aenter__()
        answer = await client.get(path, headers=headers)
        alive = await client.get("/healthz")
    try:
        assert (answer.status_code, alive.status_code) == (503, 200)

        async def works() -> bool:
            return (await client.get(path, headers=headers)).status_code == 200

        await until(works)
        assert app.state.registry.loaded
    finally:
        await starting.__aexit__(None, None, None)


async def test_a_revoked_key_ends_without_any_notice(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district()
    feed = committed.feed(district)
    headers = {"authorization": f"Bearer {committed.key(district, Role.FEED, scope_id=feed.id)}"}
    await refresh(app)

    async def status() -> int:
        path = f"/v1/districts/{district.slug}/sightings"
        return (await client.post(path, json={"sightings": []}, headers=headers)).status_code

    assert await status() == 202
    revoke = "UPDATE api_key SET revoked_at = now() WHERE district_id = :d"
    committed.session.execute(text(revoke), {"d": district.id})
    committed.session.commit()

    async def is_refused() -> bool:
        return await status() == 401

    await until(is_refused)


async def test_the_clock_follows_the_stored_simulation(settings: Settings, committed: Makers) -> None:
    clock = SystemClock()
    async with running(settings, clock):
        session = committed.session
        session.execute(
            text(
                "INSERT INTO clock_simulation (id, machine_from, business_from, speed)"
                " VALUES (1, now(), '2040-05-01T09:00Z', 60)"
            )
        )
        session.commit()

        async def is_followed() -> bool:
            return clock.now().year == 2040

        await until(is_followed)
        session.execute(text("DELETE FROM clock_simulation"))
        session.commit()

        async def is_real() -> bool:
            return clock.now().year != 2040

        await until(is_real)


async def test_web_starts_without_the_event_log_and_takes_it_when_it_comes(
    settings: Settings, clock: FixedClock, log_directory: Path
) -> None:
    server = NatsServer(log_directory / "data")
    url = server.start()
    server.stop()
    async with running(settings.model_copy(update={"nats_url": url}), clock) as (app, client):

        async def is_said() -> bool:
            answer = await client.get("/readyz")
            return bool(answer.json() == {"ready": False, "database": True, "events": False})

        await until(is_said)
        server = NatsServer(log_directory / "data")
        assert server.start() == url
        try:
            await until(lambda: is_ready(client))
            assert app.state.stream is not None
            assert app.state.events_ready.is_set()
        finally:
            server.stop()

        async def is_red() -> bool:
            return not await is_ready(client)

        await until(is_red)


async def test_one_bad_row_does_not_end_the_refreshing() -> None:
    given: list[int | Exception] = [1, ValueError("a row"), 2]

    async def load() -> int:
        one = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(one, Exception):
            raise one
        return one

    snapshot = Snapshot(load, empty=0)
    with pytest.raises(Exception, match="starting"):
        snapshot.read()
    assert await snapshot.refresh()
    assert not await snapshot.refresh()
    assert snapshot.read() == 1
    keeping = asyncio.create_task(snapshot.keep(timedelta(milliseconds=10)))

    async def is_new() -> bool:
        return snapshot.read() == 2

    await until(is_new)
    keeping.cancel()


async def test_a_slow_old_reading_never_replaces_a_newer_one() -> None:
    numbers = iter(range(1, 100))
    delays = iter((0.05, 0.0))

    async def load() -> int:
        number = next(numbers)
        await asyncio.sleep(next(delays))
        return number

    snapshot = Snapshot(load, empty=0)
    await asyncio.gather(snapshot.refresh(), snapshot.refresh())
    assert snapshot.value == 2


async def test_an_event_log_that_hangs_is_not_ready(settings: Settings, log_directory: Path) -> None:
    server = NatsServer(log_directory / "data")
    url = server.start()
    process = server.process()
    assert process is not None
    pid = process.pid
    client = await events.connect(settings.model_copy(update={"nats_url": url}), name="test")
    try:
        assert await events.answers(client, within_s=60)
        os.kill(pid, signal.SIGSTOP)

        async def is_silent() -> bool:
            return not await events.answers(client, within_s=0.5)

        await until(is_silent)  # the kernel stops a process's threads one after another
        os.kill(pid, signal.SIGCONT)
        assert await events.answers(client, within_s=60)
    finally:
        os.kill(pid, signal.SIGCONT)
        await events.close(client)
        server.stop()


async def test_plain_messages_are_heard_and_nonsense_is_passed_over(
    nats_url: str, settings: Settings
) -> None:
    client = await events.connect(settings, name="test")
    heard: list[Any] = []

    async def hear(value: Any) -> None:
        heard.append(value)

    await events.listen(client, "live.test.counts", hear)
    await client.publish("live.test.counts", b"{not json")
    await events.tell(client, "live.test.counts", {"members": 3})

    async def is_heard() -> bool:
        return heard == [{"members": 3}]

    await until(is_heard)
    await events.close(client)
    assert heard == [{"members": 3}]
