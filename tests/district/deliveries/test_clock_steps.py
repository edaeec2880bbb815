"""The database's clock is set: what was written by the old time neither waits nor is taken from who still sends it.

Here the rows' times are moved instead of the clock, which to the queue is the same.
"""

from datetime import timedelta

import pytest

from district.channels.models import ChannelProvider
from district.clock import Reading, SystemClock, counted
from district.database import new_id
from district.deliveries import clock_steps
from district.deliveries.clock_steps import DatabaseTime
from district.deliveries.queue import SqlOutbox
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.delivery import DeliveryState, LeasedDelivery, Result, RetryPolicy
from push.message import MessagePurpose
from tests.district.offers.conftest import Ground

LASTS = timedelta(seconds=30)
HOUR = timedelta(hours=1)
RETRY = RetryPolicy()
CHANNELS = (Channel.SMS.value,)
STATES = "SELECT state FROM outbox_message WHERE district_id = %(d)s"
MOVE = """
UPDATE outbox_message SET retry_at = retry_at - %(by)s, lease_until = lease_until - %(by)s
WHERE district_id = %(d)s
"""
MOVE_PAUSE = "UPDATE channel_provider SET paused_until = clock_timestamp() + %(by)s WHERE district_id = %(d)s"
PAUSES = "SELECT paused_until FROM channel_provider WHERE district_id = %(d)s"


def time_that_was_set(by: timedelta, *, ago_s: float) -> DatabaseTime:
    """A clock that was looked at, set, and looked at again so long ago and ever since."""
    time, now_s, now = DatabaseTime(settles=LASTS), counted(), SystemClock().machine_now()
    for before_s, ahead in ((ago_s + 1.0, -by), (ago_s, timedelta(0)), (0.0, timedelta(0))):
        at_s = now_s - before_s
        time.seen(Reading(at=now - timedelta(seconds=before_s) + ahead, before_s=at_s, after_s=at_s))
    return time


async def queue(ground: Ground) -> None:
    """One message, which is leaving at most once."""
    message = NewMessage(
        channel=Channel.SMS,
        purpose=MessagePurpose.MARKETING,
        payload={"to": "+358400000000", "title": "", "body": "Hello"},
        due_at=ground.clock.now(),
    )
    async with ground.pool.connection() as connection:
        await outbox.enqueue_all(connection, ground.info.id, [message])


async def set_clock(ground: Ground, by: timedelta) -> None:
    """To the rows it is as if the database's clock had been set so far on."""
    async with ground.pool.connection() as connection:
        await connection.execute(MOVE, {"d": ground.info.id, "by": by})


async def free(ground: Ground, step: timedelta | None) -> None:
    """What a lane does that has seen a step, or begins."""
    async with ground.pool.connection() as connection:
        await clock_steps.free(connection, CHANNELS, step=step, clock=ground.clock, retry=RETRY)


async def leased(store: SqlOutbox) -> list[LeasedDelivery]:
    """What is due."""
    return list(await store.lease(limit=64, lease_for=LASTS))


async def state(ground: Ground) -> str:
    """Of the one message."""
    return str((await ground.rows(STATES))[0][0])


def store(ground: Ground, time: DatabaseTime | None = None) -> SqlOutbox:
    """The queue as one lane sees it."""
    seen = time or DatabaseTime(settles=LASTS)
    return SqlOutbox(
        pool=ground.pool,
        district=ground.info,
        clock=ground.clock,
        channels=frozenset({Channel.SMS}),
        time=seen,
    )


@pytest.mark.parametrize("step", [-HOUR, None], ids=["seen", "worker begins"])
async def test_what_waits_for_an_hour_that_comes_again_is_due(ground: Ground, step: timedelta | None) -> None:
    await queue(ground)
    await set_clock(ground, -HOUR)
    assert not await leased(store(ground))
    await free(ground, step)
    assert len(await leased(store(ground))) == 1


async def test_what_had_become_due_stays_due_and_what_had_not_does_not(ground: Ground) -> None:
    await queue(ground)
    ground.clock.advance(HOUR)
    await queue(ground)
    ground.clock.advance(-HOUR * 1.5)
    assert not await leased(store(ground))
    await free(ground, -HOUR)
    assert len(await leased(store(ground))) == 1


@pytest.mark.parametrize("step", [HOUR, None], ids=["set on", "worker begins"])
async def test_a_message_that_waits_as_long_as_one_may_goes_on_waiting(
    ground: Ground, step: timedelta | None
) -> None:
    await queue(ground)
    await set_clock(ground, timedelta(seconds=1) - RETRY.longest_delay)
    await free(ground, step)
    assert not await leased(store(ground))


@pytest.mark.parametrize(
    ("step", "left", "is_over"),
    [(-HOUR, timedelta(minutes=1), True), (None, HOUR * 1.1, True), (None, HOUR * 0.9, False)],
    ids=["seen", "longer than any", "as long as one may be"],
)
async def test_a_pause_of_the_old_time_is_over(
    ground: Ground, step: timedelta | None, left: timedelta, is_over: bool
) -> None:
    now = ground.clock.now()
    ground.makers.session.add(
        ChannelProvider(
            district_id=ground.info.id,
            id=new_id(),
            slug="relay",
            channel=Channel.SMS,
            kind="relay_sms",
            name="relay",
            options={},
            sealed=b"",
            created_at=now,
            changed_at=now,
        )
    )
    ground.makers.session.commit()
    async with ground.pool.connection() as connection:
        await connection.execute(MOVE_PAUSE, {"d": ground.info.id, "by": left})
    await free(ground, step)
    assert [row[0] is None for row in await ground.rows(PAUSES)] == [is_over]


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
async def test_what_was_leased_before_is_taken_over_and_its_owner_may_not_send_it(
    ground: Ground, by: timedelta
) -> None:
    await queue(ground)
    owner = store(ground)
    held = await leased(owner)
    await set_clock(ground, by)
    await store(ground, time_that_was_set(by, ago_s=1.0)).reclaim()
    assert await state(ground) == "queued"
    assert not await owner.exchange((), held)


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
async def test_what_is_leaving_is_left_to_its_owner(ground: Ground, by: timedelta) -> None:
    await queue(ground)
    owner = store(ground)
    held = await leased(owner)
    assert await owner.exchange((), held)
    await set_clock(ground, by)
    await store(ground, time_that_was_set(by, ago_s=1.0)).reclaim()
    assert await state(ground) == "sending"
    one = held[0]
    await owner.record([Result(id=one.id, fence=one.fence, state=DeliveryState.ACCEPTED, by=Channel.SMS)])
    assert await state(ground) == "accepted"


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
async def test_what_was_leaving_is_unknown_once_every_lease_of_the_old_time_is_over(
    ground: Ground, by: timedelta
) -> None:
    await queue(ground)
    owner = store(ground)
    assert await owner.exchange((), await leased(owner))
    await set_clock(ground, by)
    await store(ground, time_that_was_set(by, ago_s=LASTS.total_seconds() + 1)).reclaim()
    assert await state(ground) == "unknown"


async def test_a_worker_that_just_began_knows_nothing_of_leases_that_end_far_ahead(ground: Ground) -> None:
    await queue(ground)
    owner = store(ground)
    assert await owner.exchange((), await leased(owner))
    await set_clock(ground, -HOUR)
    await store(ground).reclaim()
    assert await state(ground) == "sending"
