"""The walk role: a district's shoppers, who use the product's real HTTP interfaces, and mornings after evenings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from sqlalchemy import Engine, text

from district.clock import Simulation, SystemClock, system
from district.database import Pool, make_engine, make_pool, make_sessions, session_scope
from district.demo import ground as grounds
from district.demo import simulation as hours
from district.demo.resuming import Diary
from district.demo.shoppers import Shoppers
from district.demo.walk_requests import Product
from district.districts import service as districts
from district.embedded.errors import StartRefused
from district.roles import patiently, run_until_told
from district.settings import Settings
from district.snapshot import Snapshot, listen
from district.tasks import in_thread

TICK_S = 1.0
POOL_SIZE = 2
log = structlog.get_logger()


def main(settings: Settings, *, slug: str, shoppers: int, base_url: str) -> None:
    """Walk until SIGTERM or SIGINT."""
    run_until_told(run(settings, system, slug=slug, shoppers=shoppers, base_url=base_url))


async def run(settings: Settings, clock: SystemClock, *, slug: str, shoppers: int, base_url: str) -> None:
    """Walk until cancelled."""
    if settings.database_url is None:
        raise StartRefused("set DISTRICT_DATABASE_URL, or start `district demo`")
    engine = make_engine(settings.database_url, pool_size=1)
    async with AsyncExitStack() as stack:
        stack.callback(engine.dispose)
        simulation = await stack.enter_async_context(_followed(settings, clock))
        ground = await patiently(lambda: in_thread(_read, engine, slug, clock))
        product = Product(base_url, clock)
        stack.push_async_callback(product.close)
        walkers = Shoppers(ground, product, clock, count=shoppers)
        stack.push_async_callback(walkers.stop)
        diary = Diary(
            path=settings.data_dir / f"walkers-{slug}.json",
            district_id=ground.district.id,
            store_ids=[shop.id for shop in ground.shops],
        )
        back = diary.read(clock.now().timestamp(), ground.sessions)
        walkers.resume(back)
        log.info("walkers.started", shoppers=shoppers, back=len(back), district=slug)
        await _walk(engine, walkers, diary, simulation=simulation, clock=clock, district=ground.district)


async def _walk(
    engine: Engine,
    walkers: Shoppers,
    diary: Diary,
    *,
    simulation: Snapshot[Simulation | None],
    clock: SystemClock,
    district: districts.DistrictInfo,
) -> None:
    walkers.fill()
    while True:
        clock.follow(simulation.value)
        current = simulation.value
        if current is not None and hours.is_evening(clock.now(), district.zone):
            diary.forget()
            await _sleep_until_morning(engine, walkers, simulation, clock, district)
        walkers.tick()
        if diary.is_due():
            now_s = clock.now().timestamp()
            diary.note(walkers.crowd.standing(now_s), now_s)
        await asyncio.sleep(TICK_S)


async def _sleep_until_morning(
    engine: Engine,
    walkers: Shoppers,
    simulation: Snapshot[Simulation | None],
    clock: SystemClock,
    district: districts.DistrictInfo,
) -> None:
    walkers.go_home()
    await patiently(lambda: in_thread(_jump, engine, clock, district))
    await simulation.refresh()
    clock.follow(simulation.value)
    log.info("demo.morning", now=clock.now().isoformat())
    walkers.fill()


def _jump(engine: Engine, clock: SystemClock, district: districts.DistrictInfo) -> None:
    """Unless somebody else was first: two districts' walkers share one clock."""
    with session_scope(make_sessions(engine)) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('demo.morning'))"))
        current = hours.stored(session)
        if current is not None and hours.is_evening(current.at(clock.machine_now()), district.zone):
            hours.jump_to_morning(session, current, district.zone, clock=clock)


def _read(engine: Engine, slug: str, clock: SystemClock) -> grounds.Ground:
    with session_scope(make_sessions(engine)) as session:
        return grounds.read(session, slug, clock=clock)


@asynccontextmanager
async def _followed(settings: Settings, clock: SystemClock) -> AsyncIterator[Snapshot[Simulation | None]]:
    """The stored simulation, kept fresh."""
    assert settings.database_url is not None  # noqa: S101 checked by run
    pool: Pool = make_pool(settings.database_url, size=POOL_SIZE)
    await pool.open()
    simulation = districts.simulation(pool)
    await simulation.refresh()
    clock.follow(simulation.value)
    tasks = [
        asyncio.create_task(listen(settings.database_url, [simulation])),
        asyncio.create_task(simulation.keep(settings.snapshot_poll)),
    ]
    try:
        yield simulation
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        await pool.close()
