"""A role without pages: its connections, the snapshots that it follows, and its orderly end."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
import uvloop
from nats.aio.client import Client
from nats.js import JetStreamContext

from district import events
from district.clock import Clock, Simulation, SystemClock
from district.database import Pool, keep_time, make_pool
from district.districts import service as districts
from district.districts.service import DistrictInfo, Registry
from district.problems import Unavailable
from district.settings import Settings
from district.sightings.books import DeviceBooks
from district.snapshot import Snapshot, listen
from district.tasks import ended

BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 5.0
FOLLOW_EVERY_S = 0.2
T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class RoleContext:
    """What a role works with."""

    settings: Settings
    pool: Pool
    nats: Client
    stream: JetStreamContext
    clock: Clock
    registry: Snapshot[Registry]
    simulation: Snapshot[Simulation | None]
    books: DeviceBooks
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def districts(self) -> Sequence[DistrictInfo]:
        """All districts, as known now."""
        return tuple(self.registry.value.by_id.values())


def settle_memory() -> None:
    """Leave what was loaded at the start out of every later collection of garbage, and collect less often.

    Decoding makes hundreds of thousands of small values a second, none of which refer to each other: at the default
    pace a third of its time goes into looking for cycles among them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def run_until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run a role until it ends, or SIGTERM or SIGINT asks it to."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(work))


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    running = asyncio.create_task(work)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    telling = asyncio.create_task(told.wait())
    await asyncio.wait({running, telling}, return_when=asyncio.FIRST_COMPLETED)
    await ended([running, telling])
    if not running.cancelled():
        running.result()


@asynccontextmanager
async def connected(
    settings: Settings, clock: Clock, *, name: str, knows_everybody: bool = True
) -> AsyncIterator[RoleContext]:
    """Connections and snapshots of a role without pages; waits for the database and the event log.

    A role that does not know everybody says itself of which districts it keeps the device books.
    """
    if settings.database_url is None:
        raise Unavailable("No database: set DISTRICT_DATABASE_URL, or start everything with `district up`.")
    async with AsyncExitStack() as stack:
        pool = make_pool(settings.database_url, size=settings.database_pool_size)
        await pool.open()
        stack.push_async_callback(pool.close)
        client = await patiently(lambda: events.connect(settings, name=name))
        stack.push_async_callback(client.close)
        registry, simulation = districts.registry(pool), districts.simulation(pool)
        books = DeviceBooks(pool, clock)
        if knows_everybody:
            books.wanted = lambda: registry.value.by_id
        context = RoleContext(
            settings=settings,
            pool=pool,
            nats=client,
            stream=await patiently(lambda: events.ensure_streams(client, settings)),
            clock=clock,
            registry=registry,
            simulation=simulation,
            books=books,
        )
        await _load(context)
        stack.push_async_callback(_stop, context.tasks)
        _keep_fresh(context, settings.database_url)
        settle_memory()
        yield context


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt gives, once it succeeds."""
    wait_s = BACK_OFF_S
    while True:
        try:
            return await attempt()
        except (Unavailable, OSError, TimeoutError) as error:
            log.warning("role.waits", error=str(error))
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_BACK_OFF_S)


async def _load(context: RoleContext) -> None:
    """The first reading: nothing can be done before it."""
    await patiently(lambda: _first(context.registry))
    await patiently(lambda: _first(context.simulation))
    _follow(context)


async def _first(snapshot: Snapshot[Any]) -> None:
    if not await snapshot.refresh():
        raise Unavailable("The database does not answer.")


def _keep_fresh(context: RoleContext, url: str) -> None:
    poll = context.settings.snapshot_poll
    snapshots: list[Snapshot[Any]] = [context.registry, context.simulation]
    work = (
        listen(url, snapshots),
        *(snapshot.keep(poll) for snapshot in snapshots),
        _keep_following(context),
        context.books.keep(poll),
        context.books.hear(url),
    )
    context.tasks.extend(asyncio.create_task(one) for one in work)
    if isinstance(context.clock, SystemClock):
        context.tasks.append(asyncio.create_task(keep_time(context.pool, context.clock)))


def _follow(context: RoleContext) -> None:
    if isinstance(context.clock, SystemClock):
        context.clock.follow(context.simulation.value)


async def _keep_following(context: RoleContext) -> None:
    while True:
        _follow(context)
        await asyncio.sleep(FOLLOW_EVERY_S)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
