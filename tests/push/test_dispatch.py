"""The dispatcher with a store and channels that work: what leaves, what waits and what is given up."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from push.consent import NO_CONSENT, Channel
from push.delivery import DeliveryState, LeasedDelivery, SendFacts
from push.dispatch import DispatchPolicy, PolicyInvalid
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome
from push.suppression import Suppression
from tests.push.dispatch_world import World
from tests.push.makers import FRIDAY_NOON, minutes
from tests.push.outbox_world import (
    FACTS,
    MemoryStore,
    SinkChannel,
    code_message,
    offer_message,
)


async def test_what_is_due_is_sent_once_and_no_more_than_in_flight_at_a_time() -> None:
    world = World()
    for number in range(60):
        world.outbox.add(offer_message(number))
    tally = await world.dispatcher.run_once()
    assert (tally.leased, tally.states) == (60, {DeliveryState.ACCEPTED: 60})
    assert set(world.sink.counts().values()) == {1}
    assert world.sink.most_open_calls == 16
    assert (await world.dispatcher.run_once()).leased == 0


async def test_a_round_takes_at_most_its_lease() -> None:
    world = World(policy=DispatchPolicy(lease_rows=20))
    for number in range(50):
        world.outbox.add(offer_message(number))
    leased = [(await world.dispatcher.run_once()).leased for _ in range(4)]
    assert leased == [20, 20, 10, 0]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(FACTS, consents=NO_CONSENT), Suppression.NO_CONSENT),
        (replace(FACTS, is_live=False), Suppression.PAUSED),
        (replace(FACTS, may_offer=False), Suppression.OUT_OF_WINDOW),
        (replace(FACTS, is_erased=True), Suppression.ERASED),
        (replace(FACTS, is_void=True), Suppression.DUPLICATE),
    ],
)
async def test_what_no_longer_holds_at_dispatch_is_not_sent(facts: SendFacts, reason: Suppression) -> None:
    world = World()
    world.outbox.add(offer_message(1), facts)
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.SUPPRESSED, reason, 0)
    assert world.sink.arrived == []


async def test_a_code_needs_no_consent_and_no_hours() -> None:
    world = World()
    world.outbox.add(code_message(1), replace(FACTS, consents=NO_CONSENT, is_live=False, may_offer=False))
    await world.dispatcher.run_once()
    assert world.only_row()[0] is DeliveryState.ACCEPTED


async def test_what_has_expired_is_not_sent() -> None:
    world = World()
    world.outbox.add(offer_message(1, expires_at=FRIDAY_NOON))
    await world.dispatcher.run_once()
    assert world.only_row()[0] is DeliveryState.EXPIRED
    assert world.sink.arrived == []


async def test_in_quiet_hours_a_message_waits_for_the_morning() -> None:
    world = World()
    world.clock.seconds = minutes(60 * 10).total_seconds()
    key = world.outbox.add(offer_message(1, expires_at=FRIDAY_NOON + minutes(60 * 24)))
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.QUEUED, Suppression.QUIET_HOURS, 0)
    assert (await world.dispatcher.run_once()).leased == 0
    world.clock.seconds = minutes(60 * 21).total_seconds()
    await world.dispatcher.run_once()
    assert world.sink.at[key] == FRIDAY_NOON + minutes(60 * 21)


async def test_a_message_that_would_expire_in_quiet_hours_is_suppressed() -> None:
    world = World()
    world.clock.seconds = minutes(60 * 10).total_seconds()
    world.outbox.add(offer_message(1, expires_at=FRIDAY_NOON + minutes(60 * 11)))
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.SUPPRESSED, Suppression.QUIET_HOURS, 0)


async def test_a_throttled_provider_is_left_alone_and_the_others_are_not() -> None:
    calls: list[Message] = []

    def answers(message: Message) -> Outcome | None:
        calls.append(message)
        is_first = message.channel is Channel.WEBHOOK and len(calls) <= 16
        return Failure(kind=FailureKind.THROTTLED, retry_after=minutes(2)) if is_first else None

    world = World(answers)
    for number in range(40):
        world.outbox.add(offer_message(number))
    world.outbox.add(code_message(99))
    await world.dispatcher.run_once()
    assert len(calls) == 17
    assert [message.channel for message in calls[16:]] == [Channel.SMS]
    world.clock.seconds = 119.0
    assert (await world.dispatcher.run_once()).leased == 0
    world.clock.seconds = 121.0
    await world.dispatcher.run_once()
    assert world.outbox.states() == {DeliveryState.ACCEPTED: 41}
    assert set(world.sink.counts().values()) == {1}


async def test_one_partner_that_throttles_does_not_hold_up_another() -> None:
    def answers(message: Message) -> Outcome | None:
        is_busy = message.address == "https://busy.example/"
        return Failure(kind=FailureKind.THROTTLED, retry_after=minutes(60)) if is_busy else None

    world = World(answers)
    for number in range(40):
        partner = "https://busy.example/" if number < 20 else "https://free.example/"
        world.outbox.add(offer_message(number, address=partner))
    await world.dispatcher.run_once()
    assert world.outbox.states() == {DeliveryState.QUEUED: 20, DeliveryState.ACCEPTED: 20}


async def test_one_push_service_that_throttles_does_not_hold_up_the_other() -> None:
    def answers(message: Message) -> Outcome | None:
        is_busy = message.address.startswith("fcm:")
        return Failure(kind=FailureKind.THROTTLED, retry_after=minutes(60)) if is_busy else None

    world = World(answers)
    apps = SinkChannel(name=Channel.APP, sink=world.sink, clock=world.clock, answers=answers)
    world.dispatcher.channels = {Channel.APP: apps}
    for number in range(40):
        platform = "fcm" if number < 20 else "apns"
        world.outbox.add(
            offer_message(number, channel=Channel.APP, address=f"{platform}:example.app:{number}")
        )
    await world.dispatcher.run_once()
    assert world.outbox.states() == {DeliveryState.QUEUED: 20, DeliveryState.ACCEPTED: 20}


async def test_a_channel_that_breaks_does_not_take_the_others_with_it() -> None:
    def answers(message: Message) -> Outcome | None:
        if message.id.int == 1:
            raise RuntimeError("a fault of ours")
        return None

    world = World(answers)
    for number in range(3):
        world.outbox.add(offer_message(number))
    await world.dispatcher.run_once()
    assert world.outbox.states() == {DeliveryState.ACCEPTED: 2, DeliveryState.UNKNOWN: 1}


async def test_a_call_that_never_ends_is_cut_at_the_deadline() -> None:
    class Stuck:
        name = Channel.WEBHOOK

        async def send(self, message: Message) -> Outcome:
            await asyncio.Event().wait()
            raise AssertionError(message)

    world = World(policy=DispatchPolicy(send_deadline=timedelta(milliseconds=20)))
    world.dispatcher.channels = {Channel.WEBHOOK: Stuck()}
    world.outbox.add(offer_message(1))
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.UNKNOWN, "deadline", 1)


async def test_a_row_of_a_channel_that_this_worker_lacks_goes_back() -> None:
    world = World()
    world.outbox.add(offer_message(1, channel=Channel.WEB_PUSH))
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.QUEUED, "", 0)


async def test_a_stop_ends_after_the_calls_in_flight_and_releases_the_rest() -> None:
    world = World()

    def stop(_: Message) -> Outcome | None:
        world.dispatcher.stopping.set()
        return None

    world.dispatcher.channels = {
        Channel.WEBHOOK: SinkChannel(name=Channel.WEBHOOK, sink=world.sink, clock=world.clock, answers=stop)
    }
    for number in range(40):
        world.outbox.add(offer_message(number))
    await world.dispatcher.run_once()
    assert world.outbox.states() == {DeliveryState.ACCEPTED: 16, DeliveryState.QUEUED: 24}


async def test_rows_that_a_slow_round_cannot_send_within_the_lease_are_released() -> None:
    world = World()

    def slow(_: Message) -> Outcome | None:
        world.clock.seconds += 1.2
        return None

    world.dispatcher.channels = {
        Channel.WEBHOOK: SinkChannel(name=Channel.WEBHOOK, sink=world.sink, clock=world.clock, answers=slow)
    }
    for number in range(40):
        world.outbox.add(offer_message(number))
    await world.dispatcher.run_once()
    assert world.outbox.states() == {DeliveryState.ACCEPTED: 16, DeliveryState.QUEUED: 24}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lease_rows": 19}, "20 to 200"),
        ({"lease_rows": 201}, "20 to 200"),
        ({"in_flight": 0}, "in_flight"),
        ({"send_deadline": timedelta(seconds=15)}, "twice the deadline"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(changes: dict[str, int], words: str) -> None:
    with pytest.raises(PolicyInvalid, match=words):
        DispatchPolicy(**changes)  # type: ignore[arg-type]


class TakenOver(MemoryStore):
    """Another worker has taken the first row, although by our clock our lease lasts."""

    async def mark_sending(self, deliveries: Sequence[LeasedDelivery]) -> frozenset[DeliveryId]:
        self.outbox.rows[deliveries[0].id].fence += 1
        return await super().mark_sending(deliveries)


class Stopped(MemoryStore):
    """The worker is stopped for longer than its lease once its rows are marked."""

    async def mark_sending(self, deliveries: Sequence[LeasedDelivery]) -> frozenset[DeliveryId]:
        marked = await super().mark_sending(deliveries)
        self.outbox.clock.seconds += 31
        return marked


async def test_a_row_that_another_worker_took_is_not_sent() -> None:
    world = World()
    taken, ours = (world.outbox.add(offer_message(number)) for number in (1, 2))
    world.dispatcher.store = TakenOver(outbox=world.outbox)
    await world.dispatcher.run_once()
    assert world.sink.arrived == [ours]
    assert world.outbox.rows[taken].state is DeliveryState.LEASED


async def test_a_worker_stopped_after_marking_sends_nothing_late() -> None:
    world = World()
    world.outbox.add(code_message(1))
    world.dispatcher.store = Stopped(outbox=world.outbox)
    await world.dispatcher.run_once()
    assert world.sink.arrived == []
    assert world.only_row() == (DeliveryState.QUEUED, "", 0)
