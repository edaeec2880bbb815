"""What leaves the engine: groups of triggers, decided and committed in the order of the stream, behind a bounded queue."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
import structlog

from district.clock import Clock
from district.database import Pool
from district.districts.service import DistrictInfo
from district.engine.contexts import Contexts
from district.engine.core import Triggered
from district.engine.deciding import decide_all
from district.engine.ownership import fenced
from district.engine.places import NOWHERE, Place
from district.engine.queries import DONE_SQL, PROGRESS_SQL, REWIND_SQL
from district.offers.issuing import Batch
from district.offers.policies import Current
from district.offers.service import issue_batch

MAX_WAITING = 64
MAX_TOGETHER = 2_000
BACK_OFF_S = (0.1, 0.3, 1.0, 2.0)
log = structlog.get_logger()
Tell = Callable[[Batch, datetime], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """What the messages up to a place have triggered."""

    place: Place
    triggered: Sequence[Triggered]


@dataclass(kw_only=True)
class Effects:
    """Commits what is triggered; with the database away it waits, the queue fills, and nothing more is fetched."""

    pool: Pool
    district: DistrictInfo
    epoch: int
    clock: Clock
    contexts: Contexts
    current: Current
    tell: Tell
    done_sequence: int = 0
    """Everything up to here is settled in this reign."""
    committed: Place = NOWHERE
    """What was triggered up to here is committed, by whomever."""
    _queue: asyncio.Queue[Group] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    _settled: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def put(self, group: Group) -> None:
        """Wait for room."""
        await self._queue.put(group)

    async def until_done(self, sequence: int) -> None:
        """Wait until everything up to the sequence is committed."""
        async with self._settled:
            await self._settled.wait_for(lambda: self.done_sequence >= sequence)

    async def load(self) -> None:
        """Learn how far an earlier reign came. Raises: psycopg.Error."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(PROGRESS_SQL, {"district_id": self.district.id})
            row = await cursor.fetchone()
        if row is not None:
            self.committed = Place(sequence=row[0], stored_ms=row[1])

    async def rewind(self, place: Place) -> None:
        """The stream has another continuation after this place: what it triggers is new. Raises: Fenced, psycopg.Error."""
        async with fenced(self.pool, self.district.id, self.epoch) as connection:
            await connection.execute(REWIND_SQL, self._values(place))
        self.committed, self.done_sequence = place, place.sequence

    async def run(self) -> None:
        """Commit for ever. Raises: Fenced when another engine has taken over."""
        while True:
            groups = [await self._queue.get()]
            while not self._queue.empty() and sum(len(one.triggered) for one in groups) < MAX_TOGETHER:
                groups.append(self._queue.get_nowait())
            triggered = [one for group in groups for one in group.triggered]
            if triggered:
                await self._settle(triggered, groups[-1].place)
            async with self._settled:
                self.done_sequence = groups[-1].place.sequence
                self._settled.notify_all()

    async def _settle(self, triggered: Sequence[Triggered], place: Place) -> None:
        attempt = 0
        while True:
            try:
                batch = await self._commit(triggered, place)
                break
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("engine.commit_waits", district=self.district.slug, error=type(error).__name__)
                await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
                attempt += 1
        for offer in batch.issued:
            self.contexts.took(offer.draft)
        await self.tell(batch, self.clock.now())

    async def _commit(self, triggered: Sequence[Triggered], place: Place) -> Batch:
        known = await self.contexts.of({one.member_id for one in triggered}, now=triggered[-1].now)
        decided = decide_all(triggered, known, await self.current.policy())
        async with fenced(self.pool, self.district.id, self.epoch) as connection:
            batch = await issue_batch(
                connection, self.district, decided.drafts, decided.refusals, now=self.clock.now()
            )
            await connection.execute(DONE_SQL, self._values(place))
        self.committed = place
        return batch

    def _values(self, place: Place) -> dict[str, object]:
        return {
            "district_id": self.district.id,
            "sequence": place.sequence,
            "stored_ms": place.stored_ms,
        }
