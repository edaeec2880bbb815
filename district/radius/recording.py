"""From the event log into the tables: accounting packets become session rows and sightings, by any number of workers."""

import asyncio
import contextlib
import hashlib
import math
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import nats.errors
import psycopg
import sqlalchemy.exc
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from sqlalchemy.orm import Session, sessionmaker

from district.clock import Clock
from district.database import Pool, make_engine, make_sessions
from district.districts.service import DistrictInfo, Registry
from district.events import fetched
from district.feeds.decoding import Decoded, Row, Rows
from district.feeds.health import FeedCounts
from district.feeds.service import FeedInfo, take
from district.problems import DistrictError
from district.radius import feed as feeds
from district.radius import jobs, sessions
from district.radius.accounting import STREAM, SUBJECT, Told, ensure_stream, unpack
from district.radius.packets import Status
from district.settings import Settings
from district.sightings.edge import edges
from district.snapshot import listen
from district.tasks import ended, in_thread

DURABLE = "radius-accounting"
FETCH_MESSAGES = 500
FETCH_WAIT_S = 1.0
ACK_WAIT_S = 30.0
MAX_WAITING_MESSAGES = 2_000
GATHER_S = 0.1
"""Between two fetches, so that under load many packets are one transaction."""
TIDY_EVERY_S = 15.0
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)
_SILENT_ENDS = frozenset({"Idle-Timeout", "Lost-Carrier", "Lost-Service", "NAS-Reboot", "Session-Timeout"})
"""Causes under which the device may have left long before: such an end tells nothing of where it is."""
_NAN = math.nan
log = structlog.get_logger()


@dataclass(kw_only=True)
class AccountingRecorder:
    """Takes packets from the stream, writes their sessions in one transaction, and acknowledges after its commit."""

    settings: Settings
    pool: Pool
    stream: JetStreamContext
    clock: Clock
    registry: Callable[[], Registry]
    subject: str = f"{SUBJECT}.>"
    durable: str = DURABLE
    recorded: int = field(default=0, init=False)
    _counts: FeedCounts = field(default_factory=FeedCounts, init=False)

    async def run(self) -> None:
        """Record for ever; survives the database and the event log."""
        assert self.settings.database_url is not None  # noqa: S101 a role without one does not start
        engine = make_engine(self.settings.database_url, pool_size=1)
        self._sessions: sessionmaker[Session] = make_sessions(engine)
        self._edges = edges(self.pool, self.clock)
        beside = [
            asyncio.create_task(self._edges.keep(self.settings.snapshot_poll)),
            asyncio.create_task(listen(self.settings.database_url, [self._edges])),
            asyncio.create_task(self._counts.keep_writing(self.pool, self.clock)),
            asyncio.create_task(self._tidy()),
        ]
        try:
            await self._for_ever()
        finally:
            await ended(beside)
            engine.dispose()

    async def _for_ever(self) -> None:
        while True:
            try:
                await ensure_stream(self.stream, self.settings)
                await self._consume()
            except (nats.errors.Error, OSError, TimeoutError) as error:
                log.warning("radius.waits", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _tidy(self) -> None:
        """End what nothing is heard of, forget what is spent."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            try:
                for district in self.registry().by_id.values():
                    while await in_thread(self._close_lost, district) == jobs.CLOSED_AT_ONCE:
                        pass
                    await jobs.forget_tokens(self.pool, district, clock=self.clock)
            except (psycopg.Error, sqlalchemy.exc.DBAPIError, OSError, TimeoutError) as error:
                log.warning("radius.untidy", error=type(error).__name__)

    def _close_lost(self, district: DistrictInfo) -> int:
        with self._sessions.begin() as session:
            return jobs.close_lost(session, district, clock=self.clock)

    async def _consume(self) -> None:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=MAX_WAITING_MESSAGES,
        )
        subscription = await self.stream.pull_subscribe(
            self.subject, durable=self.durable, stream=STREAM, config=config
        )
        try:
            while True:
                await self._take(await fetched(subscription, FETCH_MESSAGES, within_s=FETCH_WAIT_S))
                await asyncio.sleep(GATHER_S)
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def _take(self, messages: Sequence[Msg]) -> None:
        together: dict[uuid.UUID, list[Told]] = {}
        for message in messages:
            read = _read(message)
            if read is not None:
                together.setdefault(read[0], []).append(read[1])
        for district_id, packets in together.items():
            district = self.registry().by_id.get(district_id)
            if district is not None:
                await self._record(district, packets, messages)
        await _each(message.ack for message in messages)

    async def _record(self, district: DistrictInfo, packets: list[Told], messages: Sequence[Msg]) -> None:
        """Write and publish, however often that takes: nothing is acknowledged before."""
        attempt = 0
        while True:
            try:
                feed = await in_thread(self._write, district, packets)
                await self._publish(feed, packets)
                self.recorded += len(packets)
                return
            except (sqlalchemy.exc.DataError, sqlalchemy.exc.IntegrityError, psycopg.DataError) as error:
                # Never to be stored, however often it is tried: its neighbours must not wait for it.
                await self._record_apart(district, packets, messages, error)
                return
            except (psycopg.Error, sqlalchemy.exc.DBAPIError, OSError, TimeoutError, DistrictError) as error:
                log.warning("radius.retries", error=type(error).__name__)
                await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
                attempt += 1
                await _each(message.in_progress for message in messages)

    async def _record_apart(
        self, district: DistrictInfo, packets: list[Told], messages: Sequence[Msg], error: Exception
    ) -> None:
        if len(packets) == 1:
            log.error("radius.dropped", error=type(error).__name__, district=district.slug)
            return
        middle = len(packets) // 2
        await self._record(district, packets[:middle], messages)
        await self._record(district, packets[middle:], messages)

    def _write(self, district: DistrictInfo, packets: list[Told]) -> FeedInfo | None:
        with self._sessions.begin() as session:
            sessions.record(
                session, district, packets, interim=self.settings.radius_interim, clock=self.clock
            )
            return feeds.of_district(session, district, clock=self.clock)

    async def _publish(self, feed: FeedInfo | None, packets: Sequence[Told]) -> None:
        """Where the devices are: at their access points, as any feed says it."""
        decoded, name = sightings_of(packets)
        if feed is None or not decoded.rows:
            return
        await take(
            decoded,
            feed,
            body=name,
            edges=self._edges,
            stream=self.stream,
            counts=self._counts,
            now=self.clock.now(),
        )


def sightings_of(packets: Iterable[Told]) -> tuple[Decoded, bytes]:
    """The packets that tell where a device is, and what is the same for the same of them."""
    rows = Rows()
    for packet in packets:
        if not packet.mac or not packet.access_point_mac or not _tells_a_place(packet):
            continue
        rows.good.append(
            Row(
                place=len(rows.good),
                at_ms=int(packet.at.timestamp() * 1000),
                lon=_NAN,
                lat=_NAN,
                accuracy_m=_NAN,
                rssi_dbm=_NAN,
                mac=packet.mac,
                access_point_mac=packet.access_point_mac,
                floor="",
                source_id=_source_id(packet),
            )
        )
    name = hashlib.sha256("".join(f"{row.source_id}{row.at_ms}" for row in rows.good).encode()).digest()
    return rows.decoded(has_ids=True), name


def _tells_a_place(packet: Told) -> bool:
    if packet.status in {Status.START, Status.INTERIM}:
        return True
    return packet.status == Status.STOP and packet.terminate_cause not in _SILENT_ENDS


def _source_id(packet: Told) -> str:
    """One a telling: a packet sent again is the same."""
    parts = (packet.unique_id, packet.status, str(packet.session_s), packet.access_point_mac)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _read(message: Msg) -> tuple[uuid.UUID, Told] | None:
    try:
        return uuid.UUID(message.subject.rpartition(".")[2]), unpack(message.data)
    except (ValueError, msgspec.DecodeError):
        log.error("radius.unreadable", subject=message.subject)
        return None


async def _each(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    for call in calls:
        with contextlib.suppress(nats.errors.Error):
            await call()
