"""Who is here now, for everybody who watches: heard once in this process, published from k people on."""

import asyncio
import contextlib
import json
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from district.clock import Clock, monotonic
from district.database import Pool
from district.districts.service import DistrictInfo
from district.events import live_subject
from district.footfall import heat, queries
from district.footfall.messages import COUNTS, TICKER, LiveCounts, Present, TickerLine
from district.footfall.metrics import published
from district.tasks import ended

REFRESH_EVERY_S = 10.0
HEARTBEAT_S = 8.0
AT_MOST_EVERY_S = 1.0
LONGEST_STREAM_S = 600.0
"""After this the browser comes back and its session is looked at again."""
TICKER_LENGTH = 60
STALE_AFTER_S = 45.0
"""Counts heard longer ago are of nobody: the engine is away."""
HEAT_OVER = timedelta(minutes=3)
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Line:
    """An offer or a refusal in words."""

    number: int
    at: datetime
    kind: str
    campaign: str
    merchant: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Today:
    """The trading day so far. Visits and stays are of at least k people; offers and redemptions are exact."""

    visits: int | None
    median_dwell_min: float | None
    offers: int
    redemptions: int


@dataclass(frozen=True, kw_only=True)
class Here:
    """Who is in a place, as it may be published: members, and devices of nobody known. None is fewer than k."""

    members: int | None = None
    others: int | None = None

    @property
    def devices(self) -> int | None:
        """All devices; None where that would tell of fewer than k."""
        return None if self.members is None or self.others is None else self.members + self.others


@dataclass(frozen=True, kw_only=True)
class Live:
    """A district now, as it may be published."""

    as_of: datetime | None = None
    here: Here = Here()
    is_known: bool = False
    """Whether an engine has told anything lately; else nothing is known, which is not "fewer than k"."""
    zones: Mapping[uuid.UUID, Here] = field(default_factory=dict)
    today: Today | None = None
    heat: Mapping[str, Any] | None = None


class Watch:
    """One district while anybody watches it."""

    def __init__(self, district: DistrictInfo) -> None:
        self.district = district
        self.live = Live()
        self.lines: deque[Line] = deque(maxlen=TICKER_LENGTH)
        self.viewers: set[asyncio.Event] = set()
        self.names: dict[uuid.UUID, tuple[str, str]] = {}
        self.task: asyncio.Task[None] | None = None
        self.is_begun = False
        """Whether the lines from before anybody watched were read; new ones wait until then."""
        self.early: list[TickerLine] = []

    def wake(self) -> None:
        """Something changed: every viewer looks again."""
        for viewer in self.viewers:
            viewer.set()


class LiveHub:
    """One NATS subscription and, per watched district, one reader of the database."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._counts: dict[uuid.UUID, tuple[float, LiveCounts]] = {}
        self._watches: dict[uuid.UUID, Watch] = {}
        self._numbers = 0

    async def listen(self, client: Client) -> None:
        """Hear what engines tell of every district."""
        await client.subscribe(live_subject("*", COUNTS), cb=self._hear_counts)
        await client.subscribe(live_subject("*", TICKER), cb=self._hear_ticker)

    async def _hear_counts(self, message: Msg) -> None:
        with contextlib.suppress(msgspec.DecodeError, ValueError):
            district_id = _district_of(message.subject)
            counts = msgspec.json.decode(message.data, type=LiveCounts)
            self._counts[district_id] = (monotonic(), counts)
            if watch := self._watches.get(district_id):
                watch.live = self._with_counts(watch)
                watch.wake()

    async def _hear_ticker(self, message: Msg) -> None:
        with contextlib.suppress(msgspec.DecodeError, ValueError):
            watch = self._watches.get(_district_of(message.subject))
            if watch is None:
                return
            line = msgspec.json.decode(message.data, type=TickerLine)
            if not watch.is_begun:
                watch.early = [*watch.early, line][-TICKER_LENGTH:]
                return
            await self._add(watch, [_plain(line)])
            watch.wake()

    @contextlib.asynccontextmanager
    async def watching(self, district: DistrictInfo) -> AsyncIterator[tuple[Watch, asyncio.Event]]:
        """The district's watch, filled, and an event that is set whenever it changes."""
        watch = self._watches.get(district.id)
        if watch is None:
            watch = self._watches[district.id] = Watch(district)
            watch.task = asyncio.create_task(self._keep(watch))
        woken = asyncio.Event()
        watch.viewers.add(woken)
        try:
            yield watch, woken
        finally:
            watch.viewers.discard(woken)
            if not watch.viewers and watch.task is not None:
                watch.task.cancel()
                self._watches.pop(district.id, None)

    async def snapshot(self, district: DistrictInfo) -> tuple[Live, Sequence[Line]]:
        """The district now, for a page that is being rendered."""
        watch = self._watches.get(district.id)
        if watch is None or watch.live.today is None:
            watch = Watch(district)
            await self._fill(watch)
        return self._with_counts(watch), tuple(watch.lines)

    async def stop(self) -> None:
        """End the readers."""
        tasks = [watch.task for watch in self._watches.values() if watch.task]
        await ended(tasks)

    async def _keep(self, watch: Watch) -> None:
        while True:
            try:
                await self._fill(watch)
                watch.wake()
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("footfall.live_waits", error=type(error).__name__)
            await asyncio.sleep(REFRESH_EVERY_S)

    async def _fill(self, watch: Watch) -> None:
        """Read what the database knows: today's figures, the heat map, and at first the last lines of the ticker."""
        now = self._clock.now()
        district = watch.district
        day = district.trading_day(now)
        values = {"district_id": district.id, "day": day, "since": district.day_starts_at(day), "now": now}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(queries.TODAY_SQL, values)).fetchone()
            near = values | {"since": now - HEAT_OVER}
            positions = await (await connection.execute(queries.POSITIONS_SQL, near)).fetchall()
            if not watch.is_begun:
                limit = values | {"limit": TICKER_LENGTH}
                recent = await (await connection.execute(queries.RECENT_SQL, limit)).fetchall()
                await self._begin(watch, recent)
        shown = await asyncio.to_thread(heat.features, positions, district.center)
        watch.live = self._with_counts(watch, today=_today(row), shown_heat=shown)

    async def _begin(self, watch: Watch, recent: Sequence[tuple[Any, ...]]) -> None:
        """The lines from before, then those heard meanwhile that are not among them."""
        known = {(row[0], row[2], row[3]) for row in recent}
        await self._add(watch, reversed(recent))
        while watch.early:
            early, watch.early = watch.early, []
            lines = [_plain(line) for line in early]
            await self._add(watch, [line for line in lines if (line[0], line[2], line[3]) not in known])
        watch.is_begun = True

    async def _add(self, watch: Watch, lines: Iterable[tuple[datetime, str, uuid.UUID, str]]) -> None:
        wanted = list(lines)
        await self._learn_names(watch, {line[2] for line in wanted})
        for at, kind, campaign_id, reason in wanted:
            campaign, merchant = watch.names.get(campaign_id, ("", ""))
            self._numbers += 1
            watch.lines.append(
                Line(
                    number=self._numbers,
                    at=at,
                    kind=kind,
                    campaign=campaign,
                    merchant=merchant,
                    reason=reason,
                )
            )

    async def _learn_names(self, watch: Watch, campaign_ids: set[uuid.UUID]) -> None:
        unknown = campaign_ids - watch.names.keys()
        if not unknown:
            return
        values = {"district_id": watch.district.id, "ids": list(unknown)}
        try:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(queries.CAMPAIGN_NAMES_SQL, values)).fetchall()
        except (psycopg.Error, OSError, TimeoutError):
            return
        watch.names |= {id_: (campaign, merchant) for id_, campaign, merchant in rows}

    def _with_counts(
        self, watch: Watch, *, today: Today | None = None, shown_heat: Mapping[str, Any] | None = None
    ) -> Live:
        heard_at, counts = self._counts.get(watch.district.id, (0.0, None))
        kept = Live(today=today or watch.live.today, heat=shown_heat or watch.live.heat)
        if counts is None or monotonic() - heard_at > STALE_AFTER_S:
            return kept
        return replace(
            kept,
            as_of=counts.at,
            here=_published(counts),
            is_known=True,
            zones={zone_id: _published(present) for zone_id, present in counts.zones.items()},
        )


Shown = Callable[[Live, Sequence[Line]], Mapping[str, Any]]


async def events(
    hub: LiveHub, district: DistrictInfo, show: Shown, *, longest_s: float = LONGEST_STREAM_S
) -> AsyncIterator[str]:
    """Server-sent events: what ``show`` makes of the district whenever it changed, with the lines new since before."""
    ends_at = monotonic() + longest_s
    told = 0
    async with hub.watching(district) as (watch, woken):
        while monotonic() < ends_at:
            woken.clear()
            if watch.live.today is not None:
                lines = [line for line in watch.lines if line.number > told]
                told = lines[-1].number if lines else told
                yield f"data: {json.dumps(show(watch.live, lines), ensure_ascii=False)}\n\n"
                await asyncio.sleep(AT_MOST_EVERY_S)
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield "event: heartbeat\ndata: {}\n\n"


def _plain(line: TickerLine) -> tuple[datetime, str, uuid.UUID, str]:
    return line.at, str(line.kind), line.campaign_id, line.reason


def _published(present: Present | LiveCounts) -> Here:
    others = max(0, present.devices - present.members)
    return Here(members=published(present.members), others=published(others))


def _district_of(subject: str) -> uuid.UUID:
    return uuid.UUID(subject.split(".")[1])


def _today(row: tuple[Any, ...] | None) -> Today:
    visits, median, people, offers, redemptions = row or (0, None, 0, 0, 0)
    is_enough = published(people) is not None
    return Today(
        visits=visits if is_enough else None,
        median_dwell_min=round(median, 1) if is_enough and median is not None else None,
        offers=int(offers),
        redemptions=redemptions,
    )
