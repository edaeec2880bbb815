"""What delivery is measured beside: a loop over single rows, APScheduler's SQL job store, and procrastinate."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from procrastinate import App, PsycopgConnector

from district.clock import system
from district.database import make_engine
from push.channels import signing
from push.channels.outbound import OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.relay import RelaySender
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Receipt
from push.wording import Language
from tests.product import wait_for
from tests.sink.running import Sink

AT_ONCE: Final = 16
WAIT_S: Final = 300.0
PIECE: Final = 1_000
_TAKE_SQL: Final = """
SELECT id, payload FROM outbox_message
WHERE district_id = %s AND channel = 'sms' AND finished_at IS NULL AND state = 'queued'
  AND retry_at <= (SELECT clock_timestamp())
ORDER BY retry_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DONE_SQL: Final = """
UPDATE outbox_message SET state = 'accepted', attempts = attempts + 1, finished_at = clock_timestamp()
WHERE district_id = %s AND id = %s
"""


def messages(count: int) -> Iterator[Message]:
    """Like those in the queue."""
    now = datetime(2026, 5, 8, 9, tzinfo=UTC)
    for number in range(count):
        yield Message(
            id=DeliveryId(uuid.uuid4()),
            channel=Channel.SMS,
            purpose=MessagePurpose.MARKETING,
            address=f"+99{number:013d}",
            language=Language.EN,
            title="20 % off",
            body="Today only",
            at=now,
            expires_at=now + timedelta(days=2),
        )


async def one_by_one(dsn: str, sink: Sink, count: int, *, district_id: uuid.UUID) -> float:
    """Take a row, send it, write what became of it, commit; messages a second."""
    sender = RelaySender(
        pooled=Pooled(policy=OutboundPolicy(allows_loopback=True)),
        url=f"{sink.url}/send",
        key=signing.key_of(signing.secret_from(bytes(32))),
        machine_now=system.machine_now,
    )
    source = messages(count)
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        began = time.perf_counter()
        for message in source:
            async with connection.transaction():
                row = await (await connection.execute(_TAKE_SQL, [district_id])).fetchone()
                assert row is not None
                outcome = await sender.send(message)
                assert isinstance(outcome, Receipt)
                await connection.execute(_DONE_SQL, [district_id, row[0]])
        took_s = time.perf_counter() - began
    await sender.close()
    return count / took_s


_ran = 0


def note(**_: Any) -> None:
    """A job that does nothing but be counted."""
    global _ran  # noqa: PLW0603 APScheduler names its functions by module
    _ran += 1


def apscheduler(url: str, payloads: Sequence[Mapping[str, Any]]) -> float:
    """Jobs a second that APScheduler takes out of its SQL store, runs, and removes."""
    global _ran
    _ran, count = 0, len(payloads)
    engine = make_engine(url, pool_size=4)
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine, tablename=f"jobs_{uuid.uuid4().hex}")},
        executors={"default": DebugExecutor()},
        timezone="UTC",
    )
    scheduler.start(paused=True)
    at = system.machine_now() - timedelta(seconds=1)
    for payload in payloads:
        scheduler.add_job(note, "date", kwargs=payload, run_date=at, misfire_grace_time=None)
    began = time.perf_counter()
    scheduler.resume()
    wait_for("every job has run", lambda: _ran == count, timeout_s=WAIT_S)
    took_s = time.perf_counter() - began
    scheduler.shutdown()
    engine.dispose()
    return count / took_s


async def procrastinate(dsn: str, payloads: Sequence[Mapping[str, Any]]) -> float:
    """Jobs a second of one procrastinate worker, as many at once as ours sends."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=2, max_size=AT_ONCE + 4))
    ran, count = 0, len(payloads)

    @app.task(name="note")
    async def note_it(**_: Any) -> None:
        nonlocal ran
        ran += 1

    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for start in range(0, count, PIECE):
            await note_it.batch_defer_async(*(dict(one) for one in payloads[start : start + PIECE]))
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute("ANALYZE procrastinate_jobs")
        began = time.perf_counter()
        await app.run_worker_async(
            wait=False, concurrency=AT_ONCE, listen_notify=False, install_signal_handlers=False
        )
        took_s = time.perf_counter() - began
    assert ran == count
    return count / took_s
