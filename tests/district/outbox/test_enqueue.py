"""The queue: a message exists when, and only when, what caused it was committed."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import Pool, make_pool, transaction
from district.outbox import service as outbox
from district.outbox.console import recent_codes
from district.outbox.jobs import forget, least_id
from district.outbox.models import OutboxMessage
from district.outbox.service import NewMessage
from push.consent import Channel
from push.message import MessagePurpose
from tests.factories import Makers


def message(clock: FixedClock) -> NewMessage:
    return NewMessage(
        channel=Channel.SMS,
        purpose=MessagePurpose.CODE,
        payload={"to": "+358401234567", "code": "123456"},
        due_at=clock.now(),
        send_before=clock.now() + timedelta(minutes=10),
    )


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=2)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def listener(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("LISTEN outbox")
        yield connection


async def heard(listener: psycopg.AsyncConnection[TupleRow]) -> list[str]:
    """All that has been told: notices come in the order of their commits, and this one is the last."""
    await listener.execute("NOTIFY outbox, 'end'")
    found = []
    async for notice in listener.notifies():
        if notice.payload == "end":
            break
        found.append(notice.payload)
    return found


def stored(engine: Engine, district_id: uuid.UUID) -> list[OutboxMessage]:
    with Session(engine) as session:
        return list(session.scalars(select(OutboxMessage).where(OutboxMessage.district_id == district_id)))


async def test_a_commit_queues_the_message_and_tells(
    committed: Makers, engine: Engine, clock: FixedClock, listener: psycopg.AsyncConnection[TupleRow]
) -> None:
    district = committed.district()
    with Session(engine) as session, session.begin():
        outbox.enqueue(session, district.id, message(clock), machine_now=clock.machine_now())
    rows = stored(engine, district.id)
    assert [(row.channel, row.purpose, row.state, row.attempts) for row in rows] == [
        ("sms", "code", "queued", 0)
    ]
    assert rows[0].payload["code"] == "123456"
    assert await heard(listener) == [str(district.id)]


async def test_a_rollback_queues_and_tells_nothing(
    committed: Makers, engine: Engine, clock: FixedClock, listener: psycopg.AsyncConnection[TupleRow]
) -> None:
    district = committed.district()
    with Session(engine) as session:
        outbox.enqueue(session, district.id, message(clock), machine_now=clock.machine_now())
        session.rollback()
    assert (stored(engine, district.id), await heard(listener)) == ([], [])


async def test_many_messages_are_queued_by_one_statement_and_told_once(
    committed: Makers,
    engine: Engine,
    clock: FixedClock,
    pool: Pool,
    listener: psycopg.AsyncConnection[TupleRow],
) -> None:
    district = committed.district()
    messages = [message(clock) for _ in range(5)]
    async with transaction(pool) as connection:
        await outbox.enqueue_all(connection, district.id, messages)
    rows = stored(engine, district.id)
    assert {row.id for row in rows} == {one.id for one in messages}
    assert {(row.due_at, row.send_before) for row in rows} == {(messages[0].due_at, messages[0].send_before)}
    assert await heard(listener) == [str(district.id)]


async def test_old_codes_are_forgotten_and_old_messages_go(
    committed: Makers, engine: Engine, clock: FixedClock, pool: Pool
) -> None:
    district = committed.district()
    ages = [timedelta(0), timedelta(minutes=11), timedelta(days=8)]
    made = [replace(message(clock), id=least_id(clock.machine_now() - age)) for age in ages]
    waiting = message(clock)
    with Session(engine) as session, session.begin():
        for one in (*made, waiting):
            outbox.enqueue(session, district.id, one, machine_now=clock.machine_now())
        for one, age in zip(made, ages, strict=True):
            row = session.get_one(OutboxMessage, (district.id, one.id))
            row.state, row.finished_at = "accepted", clock.machine_now() - age
    await forget(pool, district.id, machine_now=clock.machine_now())
    left = {row.id: "code" in row.payload for row in stored(engine, district.id)}
    assert left == {made[0].id: True, waiting.id: True, made[1].id: False}


async def test_the_console_shows_the_codes_of_the_last_minutes_only(
    committed: Makers, engine: Engine, clock: FixedClock
) -> None:
    district = committed.district()
    sent, waiting = message(clock), message(clock)
    with Session(engine) as session, session.begin():
        for one in (sent, waiting):
            outbox.enqueue(session, district.id, one, machine_now=clock.machine_now())
        row = session.get_one(OutboxMessage, (district.id, sent.id))
        row.state, row.finished_at = "accepted", clock.machine_now()
    with Session(engine) as session:
        now = recent_codes(session, district.id, machine_now=clock.machine_now())
        later = recent_codes(session, district.id, machine_now=clock.machine_now() + timedelta(minutes=10))
    assert [(one.id, one.to, one.code) for one in now] == [(sent.id, "+358401234567", "123456")]
    assert later == []
