"""The engine process: takes its fair share of the districts, and notices when it has lost one."""

import asyncio
import contextlib
import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import nats.errors
import psycopg
import structlog
from sqlalchemy.engine import make_url

from district import events
from district.clock import Clock, monotonic, system
from district.database import Pool, make_pool
from district.districts.service import DistrictInfo
from district.engine.ownership import Fenced, Locks, begin, named_url
from district.engine.reign import Reign, district_of
from district.problems import Unavailable
from district.roles import RoleContext, connected, run_until_told
from district.settings import Settings
from district.snapshot import notices
from district.tasks import ended

LOOK_EVERY_S = 1.0
SILENT_AFTER_S = 10.0
"""An owner that says nothing for so long is taken to be stopped: its connections are ended."""
SUBJECT = "engine"
CHANNELS = ("campaign_changed", "zone_changed", "stores_changed", "district_changed")
log = structlog.get_logger()


def main(settings: Settings) -> None:
    """Decide until SIGTERM or SIGINT."""
    run_until_told(run(settings, system))


async def run(settings: Settings, clock: Clock) -> None:
    """Decide until cancelled."""
    if settings.database_url is None:
        raise Unavailable("No database: set DISTRICT_DATABASE_URL, or start everything with `district up`.")
    engine_id = uuid.uuid4().hex[:12]
    url = named_url(settings.database_url, engine_id)
    async with connected(settings, clock, name=f"engine-{engine_id}", knows_everybody=False) as context:
        pool = make_pool(url, size=settings.database_pool_size)
        await pool.open()
        try:
            await Engine(engine_id=engine_id, url=url, context=context, pool=pool).run()
        finally:
            await pool.close()


@dataclass(kw_only=True)
class Engine:
    """One process and the districts that it decides for."""

    engine_id: str
    url: str
    context: RoleContext
    pool: Pool
    reigns: dict[uuid.UUID, tuple[Reign, asyncio.Task[None]]] = field(default_factory=dict)
    _engines: dict[str, float] = field(default_factory=dict)
    _heard: dict[uuid.UUID, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Take districts, keep them, and start over when the lock connection is lost."""
        subscription = await events.listen(self.context.nats, self.subject, self._hear_engine)
        self.context.books.listeners.append(self._hear_member)
        self.context.books.wanted = lambda: {
            district_id: reign.district for district_id, (reign, _) in self.reigns.items()
        }
        helpers = [asyncio.create_task(self._hear_notices())]
        log.info("engine.started", engine=self.engine_id)
        try:
            while True:
                try:
                    await self._hold()
                except (psycopg.Error, OSError, TimeoutError) as error:
                    log.warning("engine.locks_lost", error=type(error).__name__)
                    await self._end_all()
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await ended(helpers)
            await self._end_all()
            with contextlib.suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _hold(self) -> None:
        locks = await Locks.connect(self.url)
        started_s = monotonic()
        try:
            while True:
                await self._announce()
                await locks.check()
                await self._drop_ended(locks)
                await self._share(locks, waited_s=monotonic() - started_s)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            # Whoever ends this may grow impatient with the reigns' end and cancel again: the connection is closed all the same.
            try:
                await self._end_all()
            finally:
                await locks.close()

    @property
    def subject(self) -> str:
        """Where the engines of one database tell each other that they live."""
        name = make_url(self.url).database or ""
        return f"{SUBJECT}.{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    async def _announce(self) -> None:
        """Tell the other engines that this one lives, and for which districts."""
        owned = [str(district_id) for district_id in self.reigns]
        with contextlib.suppress(nats.errors.Error, OSError):
            await events.tell(self.context.nats, self.subject, {"engine": self.engine_id, "districts": owned})

    async def _share(self, locks: Locks, *, waited_s: float) -> None:
        """Take free districts up to the fair share, give back what is above it, end owners that are silent."""
        districts = self.context.registry.value.by_id
        for district_id in [one for one in self.reigns if one not in districts]:
            await self._give(locks, district_id)
        share = self._fair_share(len(districts))
        for district_id in list(self.reigns)[share:]:
            await self._give(locks, district_id)
        for district_id, info in districts.items():
            if len(self.reigns) >= share:
                return
            if district_id in self.reigns:
                continue
            if await locks.take(district_id):
                await self._begin(locks, info)
            elif self._is_silent(district_id, waited_s):
                ended = await locks.end_owner(district_id)
                self._heard[district_id] = monotonic()
                log.warning("engine.owner_ended", district=info.slug, connections=ended)

    def _fair_share(self, districts: int) -> int:
        now_s = monotonic()
        others = sum(now_s - at_s < 3 * LOOK_EVERY_S for at_s in self._engines.values())
        return -(-districts // (others + 1))

    def _is_silent(self, district_id: uuid.UUID, waited_s: float) -> bool:
        """Whether its owner has said nothing for too long, and we have listened that long."""
        heard_s = self._heard.get(district_id)
        return waited_s > SILENT_AFTER_S and (heard_s is None or monotonic() - heard_s > SILENT_AFTER_S)

    async def _begin(self, locks: Locks, info: DistrictInfo) -> None:
        try:
            epoch = await begin(self.pool, info.id, self.engine_id)
        except (psycopg.Error, OSError, TimeoutError):
            await locks.give(info.id)
            raise
        reign = Reign(context=self.context, pool=self.pool, district=info, epoch=epoch)
        self.reigns[info.id] = reign, asyncio.create_task(self._rule(reign))

    async def _rule(self, reign: Reign) -> None:
        try:
            await reign.run()
        except* Fenced:
            log.warning("engine.fenced", district=reign.district.slug, epoch=reign.epoch)
        except* Exception as error:
            log.exception("engine.reign_failed", district=reign.district.slug, error=str(error))

    async def _drop_ended(self, locks: Locks) -> None:
        """Let go of districts whose reign has ended by itself."""
        for district_id in [one for one, (_, task) in self.reigns.items() if task.done()]:
            await self._give(locks, district_id)

    async def _give(self, locks: Locks, district_id: uuid.UUID) -> None:
        reign, task = self.reigns.pop(district_id)
        if not task.done():
            await reign.finish()
        await reign.end(task)
        await locks.give(district_id)

    async def _end_all(self) -> None:
        try:
            finishing = [reign.finish() for reign, task in self.reigns.values() if not task.done()]
            await asyncio.gather(*finishing)
        finally:
            await asyncio.gather(*(reign.end(task) for reign, task in self.reigns.values()))
            self.reigns.clear()

    async def _hear_engine(self, value: Any) -> None:
        if value["engine"] != self.engine_id:
            self._engines[str(value["engine"])] = monotonic()
            for text in value["districts"]:
                self._heard[uuid.UUID(text)] = monotonic()

    async def _hear_notices(self) -> None:
        """Campaigns, zones and stores that change."""
        async for _, payload in notices(self.url, CHANNELS):
            wanted = district_of(payload)
            for district_id, (reign, _) in self.reigns.items():
                if wanted is None or wanted == district_id:
                    reign.stale.set()

    async def _hear_member(self, district_id: uuid.UUID, member_id: uuid.UUID | None) -> None:
        """A member who joined, changed his mind or was erased."""
        if district_id in self.reigns:
            reign, _ = self.reigns[district_id]
            reign.contexts.forget(member_id)
            reign.strangers.set()
