"""The reign of one engine over one district: from the checkpoint through the stream, until it loses the district."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import nats.errors
import psycopg
import structlog

from district import events
from district.clock import monotonic
from district.database import Pool
from district.districts.service import DistrictInfo
from district.engine import checkpoints, plan
from district.engine.checkpoints import Checkpoints
from district.engine.contexts import Contexts
from district.engine.core import Core, fence_policy
from district.engine.deciding import policy_of
from district.engine.effects import Effects, Group
from district.engine.ownership import fenced
from district.engine.stream import Interrupted, Read, Reader
from district.engine.telling import Telling
from district.roles import RoleContext
from district.sightings.batch import Message, tick, unpack

MAX_MESSAGES = 64
WAIT_FOR_WORK = 8.0
TICK_EVERY_S = 1.0
BACK_OFF_S = 0.5
log = structlog.get_logger()


@dataclass(kw_only=True)
class Reign:
    """One district, decided by this engine alone."""

    context: RoleContext
    pool: Pool
    district: DistrictInfo
    epoch: int
    stale: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when campaigns or zones may have changed."""
    strangers: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a device may have become a member's."""
    contexts: Contexts = field(init=False)
    telling: Telling = field(init=False)
    core: Core | None = field(default=None, init=False)
    sequence: int = field(default=0, init=False)
    """The last message applied."""
    _next_plan: plan.Plan | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.contexts = Contexts(self.pool, self.district.id)
        self.telling = Telling(self.context.nats, self.district)

    async def run(self) -> None:
        """Decide until cancelled. Raises: Fenced when another engine has taken the district."""
        core = await self._restored()
        self.core = core
        effects = self._effects()
        log.info("engine.reigns", district=self.district.slug, epoch=self.epoch, sequence=self.sequence)
        async with asyncio.TaskGroup() as group:
            group.create_task(effects.run())
            group.create_task(self._follow(core, effects))
            group.create_task(self._tick())
            group.create_task(self._save(core, effects))
            group.create_task(self._watch_changes())

    async def _restored(self) -> Core:
        settings = self.context.settings
        plane = plan.plane_of(self.district)
        await self.context.books.refresh_one(self.district.id, self.district)
        async with self.pool.connection() as connection:
            current = await plan.load(connection, self.district, plane)
        core = Core(
            current,
            plane,
            policy=fence_policy(confirm=settings.engine_confirm),
            find_members=lambda devices: self.context.books.find(self.district.id, devices),
        )
        self.sequence = checkpoints.restore(core, await self._checkpoints().load(self.district.id))
        core.recognise()
        return core

    def _effects(self) -> Effects:
        return Effects(
            pool=self.pool,
            district=self.district,
            epoch=self.epoch,
            clock=self.context.clock,
            contexts=self.contexts,
            policy=policy_of(self.district, fresh_for=self.context.settings.fresh_for),
            tell=self.telling.outcome,
            done_sequence=self.sequence,
        )

    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(stream=self.context.stream, replicas=self.context.settings.nats_replicas)

    async def _follow(self, core: Core, effects: Effects) -> None:
        """Read the stream for ever, however often the event log goes away."""
        while True:
            try:
                await self._read(core, effects)
            except (Interrupted, nats.errors.Error, OSError, TimeoutError) as error:
                log.warning("engine.reads_again", district=self.district.slug, error=type(error).__name__)
                await asyncio.sleep(BACK_OFF_S)

    async def _read(self, core: Core, effects: Effects) -> None:
        reader = await Reader.open(
            self.context.nats,
            self.context.stream,
            events.sightings_subject(self.district.id),
            after_sequence=self.sequence,
        )
        longest_s = self.context.settings.engine_batch_wait.total_seconds()
        spent_s = longest_s
        try:
            while True:
                # A batch is worth waiting for only as long as it saves work: when work is quick, so is the answer.
                found = await reader.batch(most=MAX_MESSAGES, wait_s=min(longest_s, WAIT_FOR_WORK * spent_s))
                await self._take_changes(core)
                if found:
                    started_s = monotonic()
                    triggered = core.apply(_messages(found))
                    spent_s = monotonic() - started_s
                    self.sequence = found[-1].sequence
                    await effects.put(Group(sequence=self.sequence, triggered=triggered))
        finally:
            await reader.close()

    async def _take_changes(self, core: Core) -> None:
        """Between batches: other fences, other members."""
        if self._next_plan is not None:
            wanted, self._next_plan = self._next_plan, None
            core.change(wanted)
            log.info("engine.plan_changed", district=self.district.slug, fences=len(wanted.fences))
        if self.strangers.is_set():
            self.strangers.clear()
            core.recognise()

    async def _watch_changes(self) -> None:
        """Read campaigns and zones again on a notice, or when polling finds that they differ."""
        assert self.core is not None  # noqa: S101  set before the tasks start
        current = self.core.plan.fingerprint
        poll_s = self.context.settings.snapshot_poll.total_seconds()
        while True:
            try:
                async with asyncio.timeout(poll_s):
                    await self.stale.wait()
            except TimeoutError:
                self.strangers.set()
            self.stale.clear()
            try:
                current = await self._reload(current)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("engine.plan_stale", district=self.district.slug, error=type(error).__name__)

    async def _reload(self, current: tuple[object, ...]) -> tuple[object, ...]:
        async with self.pool.connection() as connection:
            if await plan.fingerprint(connection, self.district) == current:
                return current
            wanted = await plan.load(connection, self.district, plan.plane_of(self.district))
        self._next_plan = wanted
        return wanted.fingerprint

    async def _tick(self) -> None:
        """Carry business time into the stream, and tell who is here."""
        while True:
            started_s = monotonic()
            try:
                await self.context.stream.publish(
                    events.sightings_subject(self.district.id), tick(self.context.clock.now())
                )
                if self.core is not None:
                    await self.telling.present(self.core, self.context.clock.now())
            except (nats.errors.Error, OSError, TimeoutError) as error:
                log.warning("engine.tick_lost", district=self.district.slug, error=type(error).__name__)
            await asyncio.sleep(max(0.0, TICK_EVERY_S - (monotonic() - started_s)))

    async def _save(self, core: Core, effects: Effects) -> None:
        """Store a checkpoint now and then."""
        every_s = self.context.settings.engine_snapshot_every.total_seconds()
        while True:
            await asyncio.sleep(every_s)
            await self.save(core, effects)

    async def save(self, core: Core, effects: Effects) -> None:
        """Store the state of now, once all that it has triggered is committed. Raises: Fenced."""
        taken = checkpoints.take(core, sequence=self.sequence, epoch=self.epoch)
        await effects.until_done(taken.sequence)
        try:
            async with fenced(self.pool, self.district.id, self.epoch):
                pass  # still ours; nothing is sent inside a transaction
            await self._checkpoints().save(self.district.id, taken)
        except (psycopg.Error, *checkpoints.Unsaved) as error:
            log.warning("engine.checkpoint_waits", district=self.district.slug, error=type(error).__name__)


def _messages(found: Sequence[Read]) -> list[Message]:
    """What could be read; what no version of ours wrote is left out."""
    messages: list[Message] = []
    for read in found:
        try:
            messages.append(unpack(read.data))
        except msgspec.DecodeError:
            log.error("engine.unreadable", sequence=read.sequence)
    return messages


def district_of(payload: str) -> uuid.UUID | None:
    """The district that a notice names; None when it names none, which means any."""
    try:
        return uuid.UUID(payload.partition(":")[0])
    except ValueError:
        return None
