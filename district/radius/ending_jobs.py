"""Ends of sessions in a worker: heard of at once, looked for each second, several carried out side by side."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import sqlalchemy.exc
import structlog
from sqlalchemy.orm import Session, sessionmaker

from district.clock import Clock
from district.database import make_engine, make_sessions
from district.gateways import endings
from district.gateways.endings import Claimed, Outcome
from district.gateways.sessions import ENDING_CHANNEL
from district.radius import ending
from district.settings import Settings
from district.snapshot import notices
from district.tasks import ended, in_thread

log = structlog.get_logger()
TICK_S = 1.0
WATCH_EVERY_S = 30.0
MOST_AT_ONCE = 16
STOP_S = 3.0
DATABASE_CONNECTIONS = 2


@dataclass(kw_only=True)
class Endings:
    """One worker's share of the sessions that are to end. Any number of workers may run."""

    sessions: sessionmaker[Session]
    settings: Settings
    clock: Clock
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Carry out what is due until cancelled; a database that is away is waited for."""
        beside = [asyncio.create_task(self._listen()), asyncio.create_task(self._watch())]
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self.woken.wait()
                self.woken.clear()
                await self.look()
        finally:
            await ended(beside)
            if self._running:  # a NAS that was asked answers in two seconds, and its answer is worth keeping
                await asyncio.wait(tuple(self._running), timeout=STOP_S)
            await ended([*self._running])

    async def look(self) -> int:
        """Begin what is due and not begun; how many there were."""
        free = MOST_AT_ONCE - len(self._running)
        if free <= 0:
            return 0
        try:
            claimed = await in_thread(self._claim, free)
        except sqlalchemy.exc.SQLAlchemyError as error:
            log.warning("endings.database_away", error=type(error).__name__)
            return 0
        for one in claimed:
            task = asyncio.create_task(self._carry_out(one))
            self._running.add(task)
            task.add_done_callback(self._done)
        return len(claimed)

    async def settle(self) -> None:
        """Wait for what is being carried out."""
        while self._running:
            await asyncio.wait(tuple(self._running))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.woken.set()

    def _claim(self, most: int) -> list[Claimed]:
        claimed: list[Claimed] = []
        now = self.clock.machine_now()
        with self.sessions.begin() as session:
            districts = endings.due_districts(session, machine_now=now)
        for district_id in districts:
            with self.sessions.begin() as session:
                claimed += endings.claim(session, district_id, machine_now=now, most=most - len(claimed))
            if len(claimed) >= most:
                break
        return claimed

    async def _carry_out(self, claimed: Claimed) -> None:
        try:
            await in_thread(carry_out, self.sessions, claimed, settings=self.settings, clock=self.clock)
        except Exception:
            # Its lease ends, and somebody tries again.
            log.exception("ending.failed", district=str(claimed.district_id), ending=str(claimed.id))

    async def _watch(self) -> None:
        """Say so when sessions that must end wait too long, whoever carries them out."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            try:
                await in_thread(self.watch)
            except sqlalchemy.exc.SQLAlchemyError as error:
                log.warning("endings.unwatched", error=type(error).__name__)

    def watch(self) -> None:
        """Look at every district in which something waits."""
        with self.sessions() as session:
            districts = endings.due_districts(
                session, machine_now=self.clock.machine_now() + endings.LONGEST_PAUSE
            )
        for district_id in districts:
            with self.sessions.begin() as session:
                endings.watch(session, district_id, clock=self.clock)

    async def _listen(self) -> None:
        assert self.settings.database_url is not None  # noqa: S101 the role started with it
        async for _notice in notices(self.settings.database_url, (ENDING_CHANNEL,)):
            self.woken.set()


def carry_out(
    sessions: sessionmaker[Session], claimed: Claimed, *, settings: Settings, clock: Clock
) -> Outcome:
    """One attempt: read whom to tell, tell him outside any transaction, keep what he said."""
    outcome = _attempt(sessions, claimed, settings=settings, clock=clock)
    with sessions.begin() as session:
        endings.record(session, claimed, outcome, clock=clock)
    took = clock.machine_now() - claimed.requested_at
    log.info(
        "session.ended" if outcome.is_done else "session.not_ended",
        district=str(claimed.district_id),
        reason=claimed.reason,
        attempt=claimed.attempt,
        took_ms=round(took.total_seconds() * 1000),
        answer=outcome.words,
    )
    return outcome


def _attempt(
    sessions: sessionmaker[Session], claimed: Claimed, *, settings: Settings, clock: Clock
) -> Outcome:
    if claimed.is_over:
        return Outcome(is_done=True, words="The session had ended by itself.")
    said = endings.by_controller(claimed, allows_loopback=settings.controller_allow_loopback)
    if said is not None:
        return said
    with sessions.begin() as session:
        told = ending.told_of(session, claimed)
    return ending.by_radius(claimed, told, machine_now=clock.machine_now())


async def run(settings: Settings, clock: Clock) -> None:
    """End sessions until cancelled."""
    assert settings.database_url is not None  # noqa: S101 the role started with it
    engine = make_engine(settings.database_url, pool_size=DATABASE_CONNECTIONS)
    try:
        await Endings(sessions=make_sessions(engine), settings=settings, clock=clock).run()
    finally:
        engine.dispose()
