"""The web role: one application, made from a readable list of parts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import structlog
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from nats.aio.client import Client
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request

from district import api, events, problems
from district.auth import principals
from district.bodies import BodyLimit
from district.clock import Clock, SystemClock, system
from district.database import Pool, keep_time, make_engine, make_pool, make_sessions
from district.districts import service as districts
from district.feeds import service as feeds
from district.feeds.health import FeedCounts
from district.later import LaterWrites
from district.monitoring.service import Monitor, check_scraper
from district.problems import Unavailable
from district.proxies import TrustedProxies, networks_of
from district.radius.clients import radius_clients
from district.roles import settle_memory
from district.settings import Settings, get_settings
from district.sightings.edge import edges
from district.snapshot import Snapshot, listen
from district.stores.snapshot import store_book
from district.tasks import ended
from district.web import site
from district.zones.tiles import tile_cache

log = structlog.get_logger()
READY_WITHIN_S = 1.5
FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 30.0
health = APIRouter(tags=["health"])


@health.get("/healthz")
async def healthz(request: Request) -> dict[str, str]:
    """The process answers; ``now`` is business time."""
    return {"status": "ok", "now": request.app.state.clock.now().isoformat()}


@health.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 when the database and the event log answer, else 503 that names what does not; within two seconds."""
    state = request.app.state
    database, log_answers = await asyncio.gather(
        _in_time(_database_answers(state.pool)),
        _in_time(events.answers(state.nats, within_s=READY_WITHIN_S - 0.2)),
    )
    checks = {"database": database, "events": log_answers}
    ready = all(checks.values())
    return JSONResponse({"ready": ready, **checks}, status_code=200 if ready else 503)


@health.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text: this process, and every district as the database and the event log see it."""
    check_scraper(request)
    state = request.app.state
    districts = state.registry.value.by_id.values()
    text = await state.monitor.text(state.stream, districts, now=state.clock.now())
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _database_answers(pool: Pool) -> bool:
    try:
        async with pool.connection(timeout=READY_WITHIN_S) as connection:
            await connection.execute("SELECT 1")
    except (psycopg.Error, OSError, TimeoutError):
        return False
    return True


async def _in_time(check: Coroutine[Any, Any, bool]) -> bool:
    """The check's word, or no: one that hangs is told to end, and not waited for while it does."""
    task = asyncio.create_task(check)
    done, _ = await asyncio.wait({task}, timeout=READY_WITHIN_S)
    if done:
        return task.result()
    task.cancel()
    return False


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """The application; it opens its connections when it starts and closes them when it stops."""
    settings = settings or get_settings()
    app = FastAPI(title="Shangquan", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.clock = clock or system
    app.state.feed_counts = FeedCounts()
    app.state.nats = app.state.stream = None
    app.state.events_ready = asyncio.Event()
    problems.install(app)
    app.add_middleware(BodyLimit, pause=settings.body_timeout)
    app.include_router(health)
    site.install_first(app)
    for router in api.ROUTERS:
        app.include_router(router)
    site.install(app)
    app.add_middleware(problems.Crashes)
    app.add_middleware(
        TrustedProxies, networks=networks_of(settings.trusted_proxies), public_url=settings.public_url
    )
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pools and the event log, load the snapshots, keep them fresh."""
    settings: Settings = app.state.settings
    if settings.database_url is None:
        raise Unavailable("No database: set DISTRICT_DATABASE_URL, or start everything with `district up`.")
    async with AsyncExitStack() as stack:
        engine = make_engine(settings.database_url, pool_size=settings.database_pool_size)
        stack.callback(engine.dispose)
        app.state.engine = engine
        app.state.sessions = make_sessions(engine)
        app.state.pool = make_pool(settings.database_url, size=settings.database_pool_size)
        app.state.later = LaterWrites(app.state.sessions)
        app.state.monitor = Monitor(pool=app.state.pool)
        await app.state.pool.open()
        stack.push_async_callback(app.state.pool.close)
        await _connect_events(app, settings, stack)
        tasks = await _keep_snapshots(app, settings)
        stack.push_async_callback(ended, tasks)
        settle_memory()
        yield


async def _connect_events(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> None:
    """Connect now if the event log answers, else as soon as it does: until then feeds get a 503 and readiness is red."""
    if not settings.nats_url:
        return
    if await _try_events(app, settings):
        stack.push_async_callback(_close_events, app)
        return
    waiting = asyncio.create_task(_keep_trying_events(app, settings))
    stack.push_async_callback(_close_events, app)
    stack.push_async_callback(ended, [waiting])


async def _try_events(app: FastAPI, settings: Settings) -> bool:
    client: Client | None = None
    try:
        client = await events.connect(settings, name="web")
        app.state.stream = await events.ensure_streams(client, settings)
    except Unavailable as error:
        log.warning("events.away", reason=error.detail)
        if client is not None:
            await events.close(client)
        return False
    app.state.nats = client
    app.state.events_ready.set()
    return True


async def _keep_trying_events(app: FastAPI, settings: Settings) -> None:
    wait_s = FIRST_BACK_OFF_S
    while not await _try_events(app, settings):
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_BACK_OFF_S)
    log.info("events.connected")


async def _close_events(app: FastAPI) -> None:
    if app.state.nats is not None:
        await events.close(app.state.nats)


def snapshots_of(app: FastAPI) -> dict[str, Snapshot[Any]]:
    """The read-only copies that the web role keeps, by their name in ``app.state``."""
    pool = app.state.pool
    return {
        "registry": districts.registry(pool),
        "simulation": districts.simulation(pool),
        "key_ring": principals.key_ring(pool),
        "edges": edges(pool, app.state.clock),
        "feeds": feeds.feeds(pool),
        "radius_clients": radius_clients(pool),
        "store_book": store_book(pool, app.state.clock),
        "tiles": tile_cache(),
    }


async def _keep_snapshots(app: FastAPI, settings: Settings) -> list[asyncio.Task[None]]:
    snapshots = snapshots_of(app)
    app.state.snapshots = snapshots
    for name, snapshot in snapshots.items():
        setattr(app.state, name, snapshot)
    await app.state.simulation.refresh()
    _follow(app)
    # All at once: with the database away each would wait for it, and feeds and readiness are served meanwhile.
    await asyncio.gather(*(snapshot.refresh() for snapshot in snapshots.values()))
    tasks = [asyncio.create_task(snapshot.keep(settings.snapshot_poll)) for snapshot in snapshots.values()]
    tasks.append(asyncio.create_task(_follow_simulation(app)))
    if isinstance(app.state.clock, SystemClock):
        tasks.append(asyncio.create_task(keep_time(app.state.pool, app.state.clock)))
    tasks.append(asyncio.create_task(app.state.feed_counts.keep_writing(app.state.pool, app.state.clock)))
    tasks.append(asyncio.create_task(app.state.later.keep_writing()))
    assert settings.database_url is not None  # noqa: S101 checked by lifespan
    tasks.append(asyncio.create_task(listen(settings.database_url, list(snapshots.values()))))
    return tasks


async def _follow_simulation(app: FastAPI) -> None:
    """Keep the process's clock in step with the stored simulation."""
    while True:
        _follow(app)
        await asyncio.sleep(0.2)


def _follow(app: FastAPI) -> None:
    if isinstance(app.state.clock, SystemClock):
        app.state.clock.follow(app.state.simulation.value)
