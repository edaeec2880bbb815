"""The recorder: every accepted sighting into the raw store, exactly once, by any number of workers."""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import msgspec
import nats.errors
import numpy as np
import psycopg
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.database import Pool, transaction
from district.districts.service import Registry
from district.events import SIGHTINGS_STREAM, SIGHTINGS_SUBJECT, fetched
from district.feeds.health import LATE_UNKNOWN, RECORDED, REPEATED, Key, write_counts
from district.sightings import partitions
from district.sightings.batch import NO_MEMBER, Batch, RowFlag, columns_of, instant, unpack
from district.sightings.books import DeviceBooks
from district.sightings.queries import RECORD_SQL, STAGE_COPY_SQL, STAGE_SQL
from district.sightings.raw_rows import RawRows, copy_bytes, days_of

DURABLE = "recorder"
FETCH_MESSAGES = 64
FETCH_WAIT_S = 1.0
PORTION_BYTES = 2 << 20
"""Some 20,000 rows."""
ACK_WAIT_S = 30.0
MAX_WAITING_MESSAGES = 512
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)
log = structlog.get_logger()


@dataclass(kw_only=True)
class Recorder:
    """Takes messages from the stream, writes their rows, and acknowledges them after the commit."""

    pool: Pool
    stream: JetStreamContext
    clock: Clock
    registry: Callable[[], Registry]
    books: DeviceBooks
    subject: str = f"{SIGHTINGS_SUBJECT}.>"
    durable: str = DURABLE
    ack_wait_s: float = ACK_WAIT_S
    kept: timedelta = timedelta(days=7)
    _days: frozenset[date] = field(default=frozenset(), init=False)
    recorded: int = field(default=0, init=False)

    async def run(self) -> None:
        """Record for ever; survives the database and the event log."""
        await self.books.loaded.wait()  # rows recorded before would be nobody's for good
        while True:
            try:
                await self._consume()
            except (nats.errors.Error, OSError, TimeoutError) as error:
                log.warning("recorder.waits", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _consume(self) -> None:
        subscription = await self.stream.pull_subscribe(
            self.subject, durable=self.durable, stream=SIGHTINGS_STREAM, config=self._config()
        )
        try:
            while True:
                for together in _portions(await fetched(subscription, FETCH_MESSAGES, within_s=FETCH_WAIT_S)):
                    await self._record(together)
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait_s,
            max_ack_pending=MAX_WAITING_MESSAGES,
        )

    async def _record(self, messages: Sequence[Msg]) -> None:
        """Write some messages in one transaction, however often that takes."""
        read = [(message, _read(message)) for message in messages]
        batches = [(message, batch) for message, batch in read if batch is not None]
        rows, counts = self._rows(batches)
        attempt = 0
        while rows or counts:
            try:
                await self._make_days(rows)
                async with asyncio.timeout(self.ack_wait_s), transaction(self.pool) as connection:
                    self.recorded += await store(connection, rows, counts, at=self.clock.now())
                break
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("recorder.retries", error=type(error).__name__)
                await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
                attempt += 1
                await _each(message.in_progress for message in messages)
        await _each(message.ack for message in messages)

    async def _make_days(self, rows: Sequence[RawRows]) -> None:
        """Partitions for these rows, where the workers' tick has made none; tried once, for it goes on trying."""
        now = self.clock.now()
        oldest, newest = partitions.oldest_day(now, self.kept), max(partitions.days_ahead(now))
        missing = {day for day in days_of(rows) if oldest <= day <= newest} - self._days
        if missing:
            self._days |= missing
            await partitions.make(self.pool, missing)

    def _rows(
        self, batches: Sequence[tuple[Msg, tuple[uuid.UUID, Batch]]]
    ) -> tuple[list[RawRows], Counter[Key]]:
        """What to store, and the rows of each feed and day by what becomes of them if all are new."""
        found: list[RawRows] = []
        counts: Counter[Key] = Counter()
        registry = self.registry()
        for _, (district_id, batch) in batches:
            rows = self._rows_of(district_id, batch)
            info = registry.by_id.get(district_id)
            if info is not None:
                day = info.trading_day(rows.received_at)
                counts[district_id, rows.feed_id, day, RECORDED] += len(rows.keep)
                dropped = len(rows.columns) - len(rows.keep)
                if dropped:
                    counts[district_id, rows.feed_id, day, LATE_UNKNOWN] += dropped
            if len(rows.keep):
                found.append(rows)
        return found, counts

    def _rows_of(self, district_id: uuid.UUID, batch: Batch) -> RawRows:
        columns = columns_of(batch)
        known = self.books.find(district_id, columns.device)
        member = np.where(columns.member == np.void(NO_MEMBER), known, columns.member)
        is_late = (columns.flags & RowFlag.LATE) != 0
        nobody = member == np.void(NO_MEMBER)
        return RawRows(
            district_id=district_id,
            feed_id=uuid.UUID(bytes=batch.feed_id),
            received_at=instant(batch.received_at_us),
            columns=columns,
            member=member,
            keep=np.flatnonzero(~(is_late & nobody)),
        )


async def rewind(stream: JetStreamContext, *, after_sequence: int) -> None:
    """Let the recorder read on after this message, unless it is not that far: the stream has lost what came then, and uses the
    sequences again. The server itself would pass over them; rows that are there already stay as they are.

    Raises: nats.errors.Error.
    """
    with contextlib.suppress(NotFoundError):
        info = await stream.consumer_info(SIGHTINGS_STREAM, DURABLE)
        if info.delivered is None or info.ack_floor is None or info.delivered.stream_seq <= after_sequence:
            return
        after_sequence = min(after_sequence, info.ack_floor.stream_seq)
        await stream.delete_consumer(SIGHTINGS_STREAM, DURABLE)
    config = ConsumerConfig(
        durable_name=DURABLE,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after_sequence + 1,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_ack_pending=MAX_WAITING_MESSAGES,
        filter_subject=f"{SIGHTINGS_SUBJECT}.>",
    )
    await stream.add_consumer(SIGHTINGS_STREAM, config=config)


def _portions(messages: Sequence[Msg]) -> Iterator[list[Msg]]:
    """Messages that are written together: few enough that no statement comes near its timeout."""
    portion: list[Msg] = []
    size = 0
    for message in messages:
        if portion and size + len(message.data) > PORTION_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(message)
        size += len(message.data)
    if portion:
        yield portion


async def store(
    connection: AsyncConnection[TupleRow], rows: Sequence[RawRows], counts: Counter[Key], *, at: datetime
) -> int:
    """Write the rows that are not there yet, and the feeds' counts; how many were new."""
    added: dict[tuple[uuid.UUID, uuid.UUID], int] = {}
    if rows:
        await connection.execute(STAGE_SQL)
        async with connection.cursor() as cursor:
            async with cursor.copy(STAGE_COPY_SQL) as copy:
                await copy.write(copy_bytes(rows))
            await cursor.execute(RECORD_SQL)
            added = {(row[0], row[1]): row[2] for row in await cursor.fetchall()}
    if counts:
        await write_counts(connection, _outcomes(counts, added), at=at)
    return sum(added.values())


def _outcomes(counts: Counter[Key], added: dict[tuple[uuid.UUID, uuid.UUID], int]) -> Counter[Key]:
    """Split what was tried into what was new and what was there already; of two days in one fetch, the later repeats."""
    left = dict(added)
    outcomes: Counter[Key] = Counter()
    for (district_id, feed_id, day, outcome), tried in sorted(counts.items()):
        if outcome != RECORDED:
            outcomes[district_id, feed_id, day, outcome] += tried
            continue
        new = min(tried, left.get((district_id, feed_id), 0))
        left[district_id, feed_id] = left.get((district_id, feed_id), 0) - new
        for name, rows in ((RECORDED, new), (REPEATED, tried - new)):
            if rows:
                outcomes[district_id, feed_id, day, name] += rows
    return outcomes


def _read(message: Msg) -> tuple[uuid.UUID, Batch] | None:
    """The district and batch of a message; None for ticks and for what no version of ours wrote."""
    try:
        district_id = uuid.UUID(message.subject.rpartition(".")[2])
        content = unpack(message.data)
    except (ValueError, msgspec.DecodeError):
        log.error("recorder.unreadable", subject=message.subject)
        return None
    return (district_id, content) if isinstance(content, Batch) else None


async def _each(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    for call in calls:
        with contextlib.suppress(nats.errors.Error):
            await call()
