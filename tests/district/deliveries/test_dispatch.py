"""From a queued message to an inbox item: at most once, re-checked, and given back when it does not leave."""

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from district import clock as clocks
from district.deliveries.channels import InboxChannel
from district.deliveries.queue import SqlOutbox
from push.consent import Channel
from push.dispatch import Channel as Sender
from push.dispatch import Dispatcher, DispatchPolicy, Tally
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt
from tests.district.offers.conftest import Ground

INBOX = "SELECT count(*) FROM inbox_item WHERE district_id = %(d)s"
STATES = "SELECT state, reason, attempts FROM outbox_message WHERE district_id = %(d)s ORDER BY id"


class Times:
    """The ground's business time and real machine time."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def now(self) -> datetime:
        return self.ground.clock.now()

    def monotonic(self) -> float:
        return clocks.monotonic()


class Provider:
    """An SMS provider that answers as told and keeps what it was sent."""

    name = Channel.SMS

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.seen: list[Message] = []

    async def send(self, message: Message) -> Outcome:
        self.seen.append(message)
        return self.outcomes.pop(0) if self.outcomes else Receipt()


def store(ground: Ground) -> SqlOutbox:
    return SqlOutbox(pool=ground.pool, district=ground.info, clock=ground.clock)


def dispatcher(ground: Ground, *senders: Sender) -> Dispatcher:
    channels: Mapping[Channel, Sender] = {one.name: one for one in (InboxChannel(), *senders)}
    return Dispatcher(
        store=store(ground),
        channels=channels,
        clock=Times(ground),
        chance=random.Random(1),
        policy=DispatchPolicy(),
    )


async def run(ground: Ground, *senders: Sender) -> Tally:
    return await dispatcher(ground, *senders).run_once()


def edit(ground: Ground, sql: str) -> None:
    ground.makers.session.execute(text(sql), {"d": ground.info.id})
    ground.makers.done()


async def test_a_queued_offer_arrives_once_with_its_words(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    await ground.issue(ground.draft(campaign, member))
    await run(ground)
    await run(ground)
    items = await ground.rows(
        "SELECT member_id, title, body, why ->> 'en', at FROM inbox_item WHERE district_id = %(d)s"
    )
    assert len(items) == 1
    assert items[0][:3] == (
        member.id,
        {"zh": "八折", "en": "20 % off"},
        {"zh": "今天有效", "en": "Today only"},
    )
    assert "Zio" in items[0][3]
    assert items[0][4] == ground.clock.now()
    assert await ground.rows(STATES) == [("accepted", "", 1)]


async def test_many_dispatchers_deliver_each_offer_once(ground: Ground) -> None:
    campaign = ground.campaign()
    await ground.issue(*(ground.draft(campaign, ground.member()) for _ in range(150)))
    tallies = await asyncio.gather(*(run(ground) for _ in range(8)))
    assert sum(tally.leased for tally in tallies) == 150
    assert await ground.number(INBOX) == 150


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE consent SET granted = false WHERE district_id = :d", "no_consent"),
        ("UPDATE campaign SET state = 'paused' WHERE district_id = :d", "paused"),
        (
            "UPDATE campaign SET ends_at = '2026-05-01 08:59Z', version = 2 WHERE district_id = :d",
            "out_of_window",
        ),
        ("UPDATE member SET state = 'erased' WHERE district_id = :d", "erased"),
        ("UPDATE offer SET state = 'void' WHERE district_id = :d", "duplicate"),
    ],
)
async def test_what_changed_since_it_was_issued_keeps_it_from_leaving(
    ground: Ground, change: str, reason: str
) -> None:
    campaign, member = ground.campaign(stock=1), ground.member()
    await ground.issue(ground.draft(campaign, member))
    edit(ground, change)
    await run(ground)
    assert await ground.rows(STATES) == [("suppressed", reason, 0)]
    assert await ground.number(INBOX) == 0
    assert await ground.rows("SELECT reason FROM refusal WHERE district_id = %(d)s") == [(reason,)]


async def test_a_suppressed_offer_gives_back_its_slot_and_piece(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=1), ground.member()
    await ground.issue(ground.draft(campaign, member))
    edit(ground, "UPDATE campaign SET state = 'paused' WHERE district_id = :d")
    await run(ground)
    edit(ground, "UPDATE campaign SET state = 'live' WHERE district_id = :d")
    again = await ground.issue(ground.draft(campaign, member))
    assert len(again.issued) == 1
    assert await ground.number("SELECT count(*) FROM offer WHERE district_id = %(d)s AND state = 'void'") == 1


async def test_an_offer_past_its_time_expires_unsent(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    await ground.issue(ground.draft(campaign, member))
    ground.clock.advance(timedelta(hours=1))
    await run(ground)
    assert await ground.rows(STATES) == [("expired", "", 0)]
    assert await ground.rows("SELECT reason FROM refusal WHERE district_id = %(d)s") == [("stale",)]


async def test_an_inbox_row_whose_worker_died_while_sending_still_arrives_once(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    await ground.issue(ground.draft(campaign, member))
    dead = store(ground)
    leased = await dead.lease(limit=20, lease_for=timedelta(milliseconds=1))
    edit(ground, "UPDATE outbox_message SET state = 'sending' WHERE district_id = :d")
    await run(ground)
    late = [one for one in leased if one.fence == 1]
    assert await dead.exchange((), late) == frozenset()
    assert await ground.number(INBOX) == 1


async def queue_sms(ground: Ground, purpose: str) -> None:
    edit(
        ground,
        "INSERT INTO outbox_message (district_id, id, channel, purpose, payload, due_at, retry_at, created_at)"
        f' VALUES (:d, gen_random_uuid(), \'sms\', \'{purpose}\', \'{{"to": "+358", "code": "123456"}}\','
        " '2026-05-01 09:00Z', clock_timestamp(), clock_timestamp())",
    )


async def test_a_code_whose_worker_died_while_sending_is_sent_again(ground: Ground) -> None:
    await queue_sms(ground, "code")
    await store(ground).lease(limit=20, lease_for=timedelta(milliseconds=1))
    edit(ground, "UPDATE outbox_message SET state = 'sending' WHERE district_id = :d")
    provider = Provider()
    await run(ground, provider)
    assert [message.code for message in provider.seen] == ["123456"]
    assert await ground.rows(STATES) == [("accepted", "", 1)]


async def test_marketing_whose_worker_died_while_sending_is_unknown_and_never_sent_again(
    ground: Ground,
) -> None:
    await queue_sms(ground, "marketing")
    await store(ground).lease(limit=20, lease_for=timedelta(milliseconds=1))
    edit(ground, "UPDATE outbox_message SET state = 'sending' WHERE district_id = :d")
    provider = Provider()
    await run(ground, provider)
    assert provider.seen == []
    assert await ground.rows(STATES) == [("unknown", "", 0)]


async def test_a_row_that_was_taken_over_takes_no_result_of_its_first_worker(ground: Ground) -> None:
    await queue_sms(ground, "code")
    first, second = store(ground), store(ground)
    taken = await first.lease(limit=20, lease_for=timedelta(milliseconds=1))
    await second.reclaim()
    again = await second.lease(limit=20, lease_for=timedelta(seconds=30))
    assert [one.fence for one in (*taken, *again)] == [1, 2]
    assert await first.exchange((), taken) == frozenset()
    await first.release(taken)
    assert await second.exchange((), again) == {again[0].id}


async def test_a_transient_failure_is_tried_again_later_and_a_final_one_forgets_the_code(
    ground: Ground,
) -> None:
    await queue_sms(ground, "code")
    provider = Provider(
        Failure(kind=FailureKind.TRANSIENT, detail="reset"),
        Failure(kind=FailureKind.MESSAGE_REFUSED, detail="no"),
    )
    await run(ground, provider)
    assert await ground.rows(STATES) == [("queued", "reset", 1)]
    edit(ground, "UPDATE outbox_message SET retry_at = clock_timestamp() WHERE district_id = :d")
    await run(ground, provider)
    assert await ground.rows(STATES) == [("failed", "no", 2)]
    assert await ground.rows("SELECT payload FROM outbox_message WHERE district_id = %(d)s") == [({},)]


async def test_a_message_without_a_channel_waits(ground: Ground) -> None:
    await queue_sms(ground, "code")
    await run(ground)
    assert await ground.rows(STATES) == [("queued", "", 0)]
