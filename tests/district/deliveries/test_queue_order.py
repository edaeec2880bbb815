"""What the queue's indexes are made for: rows are leased without writing any, and found without reading what waits."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from district.deliveries import queries
from district.deliveries.queue import SqlOutbox
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.message import MessagePurpose
from tests.district.deliveries.test_parking import LASTS, queue, store
from tests.district.offers.conftest import Ground

WRITTEN = """
SELECT pg_stat_get_xact_tuples_updated('outbox_message'::regclass),
       pg_stat_get_xact_tuples_hot_updated('outbox_message'::regclass)
"""
PUT_OFF = "UPDATE outbox_message SET retry_at = clock_timestamp() + %(by)s WHERE district_id = %(d)s"
END_LEASES = (
    "UPDATE outbox_message SET lease_until = '-infinity' WHERE district_id = %(d)s AND state = 'leased'"
)


async def due(ground: Ground, channels: Collection[Channel], *, ended_too: bool = False) -> bool:
    """Whether the district is among those that have something to do on the channels."""
    values: dict[str, Any] = {
        "now": ground.clock.now(),
        "channels": list(channels),
        "ended_too": ended_too,
        "longest_lease": timedelta(minutes=1),
    }
    async with ground.pool.connection() as connection:
        rows = await (await connection.execute(queries.DISTRICTS_DUE_SQL, values)).fetchall()
    assert len(rows) == len(set(rows))
    return (ground.info.id,) in rows


async def change(ground: Ground, sql: str, **values: Any) -> None:
    async with ground.pool.connection() as connection:
        await connection.execute(sql, {"d": ground.info.id, **values})


async def test_a_lease_writes_no_index(ground: Ground) -> None:
    await queue(ground, 40)
    rows = store(ground)
    async with ground.pool.connection() as connection, connection.transaction():
        assert len(await rows.claim(connection, limit=40, lease_for=LASTS)) == 40
        assert await (await connection.execute(WRITTEN)).fetchall() == [(40, 40)]


async def test_a_district_is_due_on_the_channels_on_which_something_may_leave(ground: Ground) -> None:
    assert not await due(ground, list(Channel))
    await queue(ground, 2)
    assert await due(ground, list(Channel))
    assert await due(ground, [Channel.EMAIL, Channel.SMS])
    assert not await due(ground, [Channel.EMAIL, Channel.INBOX])
    await change(ground, PUT_OFF, by=timedelta(hours=1))
    assert not await due(ground, list(Channel), ended_too=True)


async def test_what_is_for_later_is_not_due(ground: Ground) -> None:
    later = NewMessage(
        channel=Channel.SMS,
        purpose=MessagePurpose.SERVICE,
        payload={"to": "+35840", "title": "", "body": "Hello"},
        due_at=ground.clock.now() + timedelta(minutes=1),
    )
    async with ground.pool.connection() as connection:
        await outbox.enqueue_all(connection, ground.info.id, [later])
    assert not await due(ground, [Channel.SMS], ended_too=True)
    assert await store(ground).lease(limit=20, lease_for=LASTS) == []


async def test_ended_leases_are_looked_for_when_it_is_time_to(ground: Ground) -> None:
    await queue(ground, 2)
    await store(ground).lease(limit=20, lease_for=LASTS)
    assert not await due(ground, [Channel.SMS], ended_too=True)
    await change(ground, END_LEASES)
    assert not await due(ground, [Channel.SMS])
    assert await due(ground, [Channel.SMS], ended_too=True)


async def test_an_ended_lease_is_taken_back_by_those_who_have_its_channel(ground: Ground) -> None:
    await queue(ground, 2)
    await store(ground).lease(limit=20, lease_for=LASTS)
    await change(ground, END_LEASES)
    mails = frozenset({Channel.EMAIL})
    others = SqlOutbox(pool=ground.pool, district=ground.info, clock=ground.clock, channels=mails)
    assert await others.reclaim() == 0
    assert await store(ground).reclaim() == 2


async def test_the_longest_waiting_of_all_channels_are_taken_first(ground: Ground) -> None:
    messages = [
        NewMessage(
            channel=channel,
            purpose=MessagePurpose.SERVICE,
            payload={"to": "+35840", "title": "", "body": "Hello"},
            due_at=ground.clock.now(),
        )
        for channel in (Channel.SMS, Channel.EMAIL) * 30
    ]
    for message in messages:
        async with ground.pool.connection() as connection:
            await outbox.enqueue_all(connection, ground.info.id, [message])
    rows, taken = store(ground), []
    while leased := await rows.lease(limit=20, lease_for=LASTS):
        taken.append({one.id for one in leased})
    assert taken == [{one.id for one in messages[start : start + 20]} for start in (0, 20, 40)]
