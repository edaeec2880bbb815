"""A row that its workers do not survive is parked; rows that were only near it are sent."""

from datetime import timedelta

from district.deliveries.queue import ALONE_AFTER, PARKED_AFTER, SqlOutbox
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.delivery import DeliveryState, LeasedDelivery, Result
from push.message import MessagePurpose
from tests.district.offers.conftest import Ground

STATES = "SELECT state, reason, lost_leases FROM outbox_message WHERE district_id = %(d)s ORDER BY id"
LASTS = timedelta(seconds=30)
END_LEASES = "UPDATE outbox_message SET lease_until = '-infinity' WHERE lease_until IS NOT NULL"


def store(ground: Ground) -> SqlOutbox:
    return SqlOutbox(pool=ground.pool, district=ground.info, clock=ground.clock)


async def queue(ground: Ground, count: int) -> list[NewMessage]:
    messages = [
        NewMessage(
            channel=Channel.SMS,
            purpose=MessagePurpose.SERVICE,
            payload={"to": f"+35840000000{number}", "title": "", "body": "Hello"},
            due_at=ground.clock.now(),
        )
        for number in range(count)
    ]
    async with ground.pool.connection() as connection:
        await outbox.enqueue_all(connection, ground.info.id, messages)
    return messages


async def lose(ground: Ground, rows: SqlOutbox) -> None:
    """The worker is gone, and its lease has ended."""
    async with ground.pool.connection() as connection:
        await connection.execute(END_LEASES + " AND district_id = %(d)s", {"d": ground.info.id})
    await rows.reclaim()


def _taken(one: LeasedDelivery) -> Result:
    return Result(id=one.id, fence=one.fence, state=DeliveryState.ACCEPTED, by=one.message.channel)


async def test_a_row_that_is_lost_again_and_again_is_leased_alone_and_parked_at_last(ground: Ground) -> None:
    poison, *_ = await queue(ground, 10)
    rows = store(ground)
    together = []
    while leased := await rows.lease(limit=64, lease_for=LASTS):
        if poison.id in {one.id for one in leased}:
            together.append(len(leased))  # its worker dies
            await lose(ground, rows)
        else:
            await rows.exchange((), leased)
            await rows.record([_taken(one) for one in leased])
    assert together == [10] * ALONE_AFTER + [1] * (PARKED_AFTER - ALONE_AFTER)
    states = await ground.rows(STATES)
    assert sorted(row[:2] for row in states) == [("accepted", "")] * 9 + [("dead", "parked")]


async def test_a_row_that_goes_through_is_no_suspect_any_more(ground: Ground) -> None:
    await queue(ground, 1)
    rows = store(ground)
    for _ in range(ALONE_AFTER):
        await rows.lease(limit=64, lease_for=LASTS)
        await lose(ground, rows)
    assert (await ground.rows(STATES))[0][2] == ALONE_AFTER
    leased = await rows.lease(limit=64, lease_for=LASTS)
    await rows.release(leased)
    assert (await ground.rows(STATES))[0] == ("queued", "", 0)
