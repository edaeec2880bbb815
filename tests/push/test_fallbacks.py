"""A message goes by the next channel when one certainly did not carry it, and by no other after what may have arrived."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.consent import Channel, Consents, Purpose
from push.delivery import DeliveryState
from push.dispatch import DispatchPolicy
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.suppression import Suppression
from tests.push.dispatch_world import Answers, World
from tests.push.makers import FRIDAY_NOON, consents, minutes
from tests.push.outbox_world import FACTS, offer_message

K, S = FailureKind, DeliveryState


def by_channel(kinds: Mapping[Channel, FailureKind | None]) -> Answers:
    def answer(message: Message) -> Outcome | None:
        kind = kinds.get(message.channel)
        return None if kind is None else Failure(kind=kind, detail=kind)

    return answer


async def finish(world: World) -> None:
    for _ in range(60):
        if world.outbox.is_done:
            return
        world.clock.seconds = max(
            world.clock.seconds + 0.1, *(row.retry_at_s for row in world.outbox.rows.values())
        )
        await world.dispatcher.run_once()
    raise AssertionError(world.outbox.states())


@pytest.mark.parametrize("kind", [K.ADDRESS_GONE, K.MESSAGE_REFUSED, K.TRANSIENT])
async def test_the_next_channel_takes_over_what_the_first_did_not_carry(kind: FailureKind) -> None:
    world = World(by_channel({Channel.SMS: kind}))
    message = offer_message(1, channel=Channel.SMS, expires_at=FRIDAY_NOON + minutes(600))
    key = world.outbox.add(message, fallbacks=(Channel.WEBHOOK,))
    await finish(world)
    row = world.outbox.rows[key]
    assert (row.state, row.message.channel, row.fallbacks) == (S.ACCEPTED, Channel.WEBHOOK, ())
    assert world.sink.counts()[key] == 1


async def test_what_may_have_arrived_goes_by_no_other_channel() -> None:
    world = World(by_channel({Channel.SMS: K.UNKNOWN}))
    world.outbox.add(offer_message(1, channel=Channel.SMS), fallbacks=(Channel.WEBHOOK,))
    await finish(world)
    assert world.only_row()[0] is S.UNKNOWN
    assert world.sink.arrived == []


async def test_a_channel_that_is_free_too_late_gives_way() -> None:
    answers = by_channel({Channel.SMS: K.THROTTLED})
    world = World(answers, DispatchPolicy())
    message = offer_message(1, channel=Channel.SMS, expires_at=FRIDAY_NOON + minutes(0.4))
    key = world.outbox.add(message, fallbacks=(Channel.WEBHOOK,))
    await finish(world)
    assert world.outbox.rows[key].state is S.ACCEPTED


async def test_a_consent_withdrawn_for_one_channel_leaves_the_next() -> None:
    world = World()
    said = consents(*Purpose).newest
    only_sms = Consents(newest=tuple(replace(one, channel=None) for one in said))
    refused = Consents.after(
        [*only_sms.newest, replace(said[0], purpose=Purpose.MARKETING, channel=Channel.SMS, granted=False)]
    )
    facts = replace(FACTS, consents=refused)
    key = world.outbox.add(offer_message(1, channel=Channel.SMS), facts=facts, fallbacks=(Channel.WEBHOOK,))
    await finish(world)
    assert world.outbox.rows[key].message.channel is Channel.WEBHOOK
    assert world.sink.counts()[key] == 1


async def test_without_an_address_and_without_another_channel_it_is_not_sent() -> None:
    world = World()
    world.outbox.add(offer_message(1, channel=Channel.SMS, address=""))
    await finish(world)
    assert world.only_row()[:2] == (S.SUPPRESSED, Suppression.NO_ENDPOINT)
    assert world.sink.arrived == []


@given(first=st.sampled_from([None, *K]), second=st.sampled_from([None, *K]), left_min=st.floats(0.1, 8))
async def test_whatever_two_channels_answer_at_most_one_copy_arrives(
    first: FailureKind | None, second: FailureKind | None, left_min: float
) -> None:
    taken: list[Channel] = []

    def answer(message: Message) -> Outcome:
        kind = first if message.channel is Channel.SMS else second
        if kind in {None, K.UNKNOWN}:
            taken.append(message.channel)
        return Receipt() if kind is None else Failure(kind=kind)

    world = World(answer)
    message = offer_message(1, channel=Channel.SMS, expires_at=FRIDAY_NOON + minutes(left_min))
    world.outbox.add(message, fallbacks=(Channel.WEBHOOK,))
    await finish(world)
    assert len(taken) <= 1
