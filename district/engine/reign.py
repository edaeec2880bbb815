"""The reign of one engine over one district: from the checkpoint through the stream, until it loses the district."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import nats.errors
import psycopg
import structlog
from nats.js.errors import NotFoundError

from district import events
from district.clock import monotonic
from district.database import Pool
from district.districts.service import DistrictInfo
from district.engine import checkpoints, plan
from district.engine.checkpoints import Checkpoints
from district.engine.contexts import Contexts
from district.engine.core import Core, fence_policy
from district.engine.effects import Effects, Group
from district.engine.ownership import Fenced, fenced
from district.engine.places import Place, Trail, last_common
from district.engine.stream import Interrupted, Read, Reader
from district.engine.telling import Telling
from district.feeds import recorder
from district.offers.policies import Current
from district.problems import Unavailable
from district.roles import RoleContext
from district.sightings.batch import Message, tick, unpack
from district.tasks import ended

MAX_MESSAGES = 64
WAIT_FOR_WORK = 8.0
TICK_EVERY_S = 1.0
BACK_OFF_S = 0.5
FIRST_SAVE_S = 1.0
"""The first checkpoint of a reign comes this soon, the next after twice the time, and so on up to the setting."""
FINISH_WITHIN_S = 0.8
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
    trail: Trail = field(default_factory=Trail, init=False)
    _effects: Effects | None = field(default=None, init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    """The first follows the stream."""
    _next_plan: plan.Plan | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.contexts = Contexts(self.pool, self.district)
        self.telling = Telling(self.context.nats, self.district)

    async def run(self) -> None:
        """Decide until cancelled. Raises: Fenced when another engine has taken the district."""
        core = await self._restored()
        self.core = core
        self._effects = effects = self._make_effects()
        await effects.load()
        log.info("engine.reigns", district=self.district.slug, epoch=self.epoch, sequence=self.sequence)
        work = (
            self._follow(core, effects),
            effects.run(),
            self._tick(),
            self._save(core, effects),
            self._watch_changes(),
        )
        async with asyncio.TaskGroup() as group:
            self._tasks = [group.create_task(one) for one in work]

    async def finish(self) -> None:
        """Before an orderly end: take no more, commit what was taken, and store where to go on. Not worth a long wait."""
        if self.core is None or self._effects is None or not self._tasks:
            return
        with contextlib.suppress(Fenced, TimeoutError):
            async with asyncio.timeout(FINISH_WITHIN_S):
                await ended(self._tasks[:1])
                await self.save(self.core, self._effects)

    async def end(self, running: asyncio.Task[None]) -> None:
        """End it for certain: a group of tasks tells each of its own only once that it is to end."""
        await ended([running, *self._tasks])

    async def _restored(self) -> Core:
        settings = self.context.settings
        plane = plan.plane_of(self.district)
        await self.context.books.refresh_one(self.district.id, self.district)
        async with self.pool.connection() as connection:
            current = await plan.load(connection, self.district, plane)
        self._want(current)
        core = Core(
            current,
            plane,
            policy=fence_policy(confirm=settings.engine_confirm),
            find_members=lambda devices: self.context.books.find(self.district.id, devices),
        )
        self.trail = Trail(checkpoints.restore(core, await self._checkpoints().load(self.district.id)))
        self.sequence = max((place.sequence for place in self.trail.places()), default=0)
        core.recognise()
        return core

    def _want(self, wanted: plan.Plan) -> None:
        self.contexts.want(watched.campaign for watched in wanted.campaigns.values())

    def _make_effects(self) -> Effects:
        return Effects(
            pool=self.pool,
            district=self.district,
            epoch=self.epoch,
            clock=self.context.clock,
            contexts=self.contexts,
            current=Current(
                pool=self.pool, district=self.district, fresh_for=self.context.settings.fresh_for
            ),
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
            except (Interrupted, nats.errors.Error, psycopg.Error, OSError, TimeoutError) as error:
                log.warning("engine.reads_again", district=self.district.slug, error=type(error).__name__)
                await asyncio.sleep(BACK_OFF_S)
                if isinstance(error, NotFoundError):
                    with contextlib.suppress(Unavailable):
                        await events.ensure_streams(self.context.nats, self.context.settings)

    async def _check_stream(self, effects: Effects) -> None:
        """Go back to where the stream was still the same, if it has lost what we have taken from it."""
        places = sorted({effects.committed, *self.trail.places()}, reverse=True)
        if not places[0].sequence:
            return
        common = await last_common(self.context.stream, places)
        if common == places[0]:
            return
        await effects.until_done(self.sequence)
        await recorder.rewind(self.context.stream, after_sequence=common.sequence)
        await effects.rewind(common)
        log.error(
            "engine.stream_shorter",
            district=self.district.slug,
            taken=places[0].sequence,
            goes_on_after=common.sequence,
        )
        self.sequence = min(self.sequence, common.sequence)
        self.trail = Trail(place for place in self.trail.places() if place <= common)

    async def _read(self, core: Core, effects: Effects) -> None:
        await self._check_stream(effects)
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
                for part in _parts(found, effects.committed):
                    started_s = monotonic()
                    triggered = core.apply(_messages(part))
                    spent_s = monotonic() - started_s
                    place = part[-1].place
                    self.sequence = place.sequence
                    self.trail.note(place)
                    # What an earlier reign has settled is not decided again: by now the answer might be another one.
                    is_new = place.sequence > effects.committed.sequence
                    await effects.put(Group(place=place, triggered=triggered if is_new else ()))
        finally:
            await reader.close()

    async def _take_changes(self, core: Core) -> None:
        """Between batches: other fences, other members."""
        if self._next_plan is not None:
            wanted, self._next_plan = self._next_plan, None
            self._want(wanted)
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
        """Store a checkpoint now and then, at first often: a reign that ends soon shall not be in vain."""
        every_s = self.context.settings.engine_snapshot_every.total_seconds()
        wait_s = min(FIRST_SAVE_S, every_s)
        while True:
            await asyncio.sleep(wait_s)
            await self.save(core, effects)
            wait_s = min(2 * wait_s, every_s)

    async def save(self, core: Core, effects: Effects) -> None:
        """Store the state of now, once all that it has triggered is committed. Raises: Fenced."""
        places = self.trail.places()
        if not places:
            return
        taken = checkpoints.take(core, places=places, epoch=self.epoch)
        await effects.until_done(places[0].sequence)
        try:
            async with fenced(self.pool, self.district.id, self.epoch):
                pass  # still ours; nothing is sent inside a transaction
            await self._checkpoints().save(self.district.id, taken)
        except (psycopg.Error, *checkpoints.Unsaved) as error:
            log.warning("engine.checkpoint_waits", district=self.district.slug, error=type(error).__name__)


def _parts(found: Sequence[Read], committed: Place) -> Iterator[Sequence[Read]]:
    """What was found, cut after the last message whose effects are committed."""
    old = sum(read.place.sequence <= committed.sequence for read in found)
    for part in (found[:old], found[old:]):
        if part:
            yield part


def _messages(found: Sequence[Read]) -> list[Message]:
    """What could be read; what no version of ours wrote is left out."""
    messages: list[Message] = []
    for read in found:
        try:
            messages.append(unpack(read.data))
        except msgspec.DecodeError:
            log.error("engine.unreadable", sequence=read.place.sequence)
    return messages


def district_of(payload: str) -> uuid.UUID | None:
    """The district that a notice names; None when it names none, which means any."""
    try:
        return uuid.UUID(payload.partition(":")[0])
    except ValueError:
        return None
