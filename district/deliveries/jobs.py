"""The dispatcher of one worker process: woken by the outbox's notice, with a tick behind it."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

from district import clock as clocks
from district.clock import Clock, SystemClock
from district.database import Pool, psycopg_dsn, read_clock
from district.deliveries import clock_steps, queries
from district.deliveries.clock_steps import DatabaseTime
from district.deliveries.fleet import Fleet
from district.deliveries.listening import listen
from district.deliveries.queue import SqlOutbox
from district.districts.service import DistrictInfo, Registry
from district.outbox.service import CHANNEL
from district.settings import Settings
from district.snapshot import Snapshot
from district.tasks import ended
from push.consent import Channel
from push.dispatch import Dispatcher, DispatchPolicy, StoreAway

log = structlog.get_logger()
TICK = timedelta(seconds=1)
RECONNECT_S = 0.5
LOOK_AT_CLOCK_S = 0.5
MOST_ROUNDS: Final = 8
LANES: Final = (
    frozenset({Channel.INBOX}),
    frozenset({Channel.WEBHOOK}),
    frozenset({Channel.WEB_PUSH, Channel.APP}),
    frozenset({Channel.WECHAT, Channel.MINI_PROGRAM, Channel.WECOM, Channel.ALIPAY}),
    frozenset({Channel.SMS}),
    frozenset({Channel.EMAIL}),
)
"""What is sent side by side: a slow foreign server holds up only its own kind, and never the inbox."""


@dataclass(frozen=True, slots=True)
class _Times:
    """Both times, as the dispatcher asks for them."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return clocks.monotonic()


@dataclass(slots=True, kw_only=True)
class Lane:
    """Sends what is due on some channels, district by district. Any number may run on one database."""

    pool: Pool
    registry: Snapshot[Registry]
    settings: Settings
    clock: Clock
    fleet: Fleet
    channels: frozenset[Channel]
    policy: DispatchPolicy
    stopping: asyncio.Event
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _dispatchers: dict[uuid.UUID, tuple[DistrictInfo, Dispatcher]] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=random.SystemRandom)
    _time: DatabaseTime = field(init=False)
    _looked_for_ended_s: float | None = None

    def __post_init__(self) -> None:
        self._time = DatabaseTime(settles=self.policy.lease_for)

    async def run(self) -> None:
        """Work until told to stop; a database that is away is waited for."""
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.woken.wait(), TICK.total_seconds())
            self.woken.clear()
            try:
                while not self.stopping.is_set() and await self.tick():
                    pass
            except (psycopg.Error, PoolTimeout, StoreAway, OSError) as error:
                log.warning("deliveries.database_away", error=type(error).__name__)

    async def tick(self) -> int:
        """One round over every district that has due rows, in random order; how many rows were taken."""
        async with self.pool.connection() as connection:
            await self._look_at_clock(connection)
            values = {
                "now": self.clock.now(),
                "channels": list(self.channels),
                "longest_lease": self._time.longest_lease,
                "ended_too": self._looks_for_ended(),
            }
            cursor = await connection.execute(queries.DISTRICTS_DUE_SQL, values)
            due = [row[0] for row in await cursor.fetchall()]
        self._chance.shuffle(due)
        leased = 0
        for district_id in due:
            district = self.registry.value.by_id.get(district_id)
            if district is not None:  # else this process has not heard of it yet
                leased += await self._apart(district)
        return leased

    async def _apart(self, district: DistrictInfo) -> int:
        """The rounds of one district; what fails there, unless the database is away, must not stop another's."""
        try:
            return await self._rounds(district)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, StoreAway, OSError):
            raise
        except Exception as error:
            log.error("deliveries.round_failed", district=district.slug, error=type(error).__name__)
            return 0

    async def _look_at_clock(self, connection: AsyncConnection[TupleRow]) -> None:
        """Follow the database's clock, and see whether somebody has set it."""
        if self._time.age_s < LOOK_AT_CLOCK_S:
            return
        reading = await read_clock(connection)
        if isinstance(self.clock, SystemClock):
            self.clock.set_by(reading)
        step = self._time.seen(reading)
        if step != timedelta(0):
            await clock_steps.free(
                connection, self.channels, step=step, clock=self.clock, retry=self.policy.retry
            )

    def _looks_for_ended(self) -> bool:
        """Whether it is time to look for leases that ended, for which everything that waits must be read."""
        now_s, last_s = clocks.monotonic(), self._looked_for_ended_s
        if last_s is not None and now_s - last_s < self.policy.reclaim_every.total_seconds():
            return False
        self._looked_for_ended_s = now_s
        return True

    async def _rounds(self, district: DistrictInfo) -> int:
        """Several rounds while one finds as much as it may take, so that looking around does not cost much."""
        leased = 0
        for _ in range(MOST_ROUNDS):
            taken = (await (await self._dispatcher(district)).run_once()).leased
            leased += taken
            if taken < self.policy.lease_rows or self.stopping.is_set():
                break
        return leased

    async def _dispatcher(self, district: DistrictInfo) -> Dispatcher:
        known = self._dispatchers.get(district.id)
        if known is None or known[0] != district:
            secret = self.settings.secret
            store = SqlOutbox(
                pool=self.pool,
                district=district,
                clock=self.clock,
                channels=self.channels,
                secret=secret.get_secret_value() if secret else "",
                origin=self.settings.public_url or "",
                secrets=self.fleet.secrets_of(district.id),
                time=self._time,
            )
            dispatcher = Dispatcher(
                store=store,
                channels={},
                clock=_Times(self.clock),
                chance=self._chance,
                policy=self.policy,
                stopping=self.stopping,
            )
            known = self._dispatchers[district.id] = (district, dispatcher)
        known[1].channels = await self.fleet.of(district)
        return known[1]


@dataclass(slots=True, kw_only=True)
class Deliveries:
    """Several lanes, woken by the outbox."""

    pool: Pool
    registry: Snapshot[Registry]
    settings: Settings
    clock: Clock
    policy: DispatchPolicy = field(default_factory=DispatchPolicy)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send until ``stopping`` is set."""
        fleet = Fleet.opened(self.pool, self.settings, self.clock)
        lanes = [self._lane(fleet, channels) for channels in LANES]
        listener = asyncio.create_task(self._listen(lanes))
        stopper = asyncio.create_task(self._wake_at_stop(lanes))
        hearing = asyncio.create_task(listen(fleet, self.pool, self.registry, self.stopping))
        try:
            await asyncio.gather(*(lane.run() for lane in lanes))
        finally:
            await ended([listener, stopper, hearing])
            await fleet.close()

    def _lane(self, fleet: Fleet, channels: frozenset[Channel]) -> Lane:
        return Lane(
            pool=self.pool,
            registry=self.registry,
            settings=self.settings,
            clock=self.clock,
            fleet=fleet,
            channels=channels,
            policy=self.policy,
            stopping=self.stopping,
        )

    async def _wake_at_stop(self, lanes: Sequence[Lane]) -> None:
        await self.stopping.wait()
        _wake(lanes)

    async def _listen(self, lanes: Sequence[Lane]) -> None:
        while True:
            try:
                await self._listen_once(lanes)
            except (psycopg.Error, OSError):
                await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self, lanes: Sequence[Lane]) -> None:
        assert self.settings.database_url is not None  # noqa: S101 the pool came from it
        async with await psycopg.AsyncConnection.connect(
            psycopg_dsn(self.settings.database_url), autocommit=True, connect_timeout=3
        ) as connection:
            await connection.execute(f'LISTEN "{CHANNEL}"')
            _wake(lanes)  # whatever was queued while nobody listened
            async for _ in connection.notifies():
                _wake(lanes)


async def run(deliveries: Deliveries) -> None:
    """Send until cancelled; what is on its way then is still recorded."""
    task = asyncio.create_task(deliveries.run())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        deliveries.stopping.set()
        await asyncio.wait({task}, timeout=deliveries.policy.send_deadline.total_seconds())
        task.cancel()
        raise


def _wake(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.woken.set()
