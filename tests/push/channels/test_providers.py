"""Several providers of one channel: shares, pauses, rates, and never two for what may have been taken."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from push.channels.providers import BreakerPolicy, Provider, ProviderChannel
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.wording import Language

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)
K = FailureKind


@dataclass
class Clock:
    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Scripted:
    """Answers by its script, and keeps what it was asked."""

    answer: Callable[[], Outcome] = Receipt
    asked: list[uuid.UUID] = field(default_factory=list)

    async def send(self, message: Message) -> Outcome:
        self.asked.append(message.id)
        return self.answer()


@dataclass
class Hanging:
    """Takes a message and answers only when it is let go."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> Outcome:
        self.begun.set()
        await self.let_go.wait()
        return Receipt(provider_id=str(message.id))


def message(seed: int = 0) -> Message:
    return Message(
        id=DeliveryId(uuid.UUID(int=random.Random(seed).getrandbits(128), version=4)),
        channel=Channel.SMS,
        purpose=MessagePurpose.MARKETING,
        address="+358401234567",
        language=Language.EN,
        title="",
        body="Coffee",
        at=NOW,
    )


def channel(*providers: Provider, clock: Clock | None = None) -> ProviderChannel:
    return ProviderChannel(name=Channel.SMS, providers=providers, monotonic=clock or Clock())


def failing(kind: FailureKind, retry_after: timedelta | None = None) -> Scripted:
    return Scripted(answer=lambda: Failure(kind=kind, detail=kind, retry_after=retry_after))


async def test_each_provider_gets_its_share_and_a_message_always_the_same_one() -> None:
    light, heavy = Scripted(), Scripted()
    both = channel(Provider(id="a", sender=light, weight=1), Provider(id="b", sender=heavy, weight=3))
    firsts = [await both.send(message(seed)) for seed in range(2_000)]
    again = [await both.send(message(seed)) for seed in range(2_000)]
    assert [one.via for one in firsts] == [one.via for one in again]
    assert Counter(one.via for one in firsts)["b"] == pytest.approx(1_500, abs=75)


@pytest.mark.parametrize("kind", [K.THROTTLED, K.TRANSIENT])
async def test_what_was_certainly_not_taken_goes_to_the_next_provider_at_once(kind: FailureKind) -> None:
    sound = Scripted()
    both = channel(Provider(id="bad", sender=failing(kind), weight=1_000), Provider(id="good", sender=sound))
    outcome = await both.send(message())
    assert isinstance(outcome, Receipt)
    assert outcome.via == "good"


@pytest.mark.parametrize("kind", [K.UNKNOWN, K.ADDRESS_GONE, K.MESSAGE_REFUSED])
async def test_what_may_have_been_taken_or_never_will_be_goes_to_no_other(kind: FailureKind) -> None:
    sound = Scripted()
    both = channel(Provider(id="bad", sender=failing(kind), weight=10**9), Provider(id="good", sender=sound))
    outcome = await both.send(message())
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.via, sound.asked) == (kind, "bad", [])


async def test_a_throttled_provider_is_not_asked_before_its_time_and_says_when() -> None:
    clock, sender = Clock(), failing(K.THROTTLED, timedelta(seconds=20))
    one = channel(Provider(id="a", sender=sender), clock=clock)
    for _ in range(3):
        outcome = await one.send(message())
        assert isinstance(outcome, Failure)
        assert outcome.kind is K.THROTTLED
        assert outcome.retry_after == timedelta(seconds=20)
    assert len(sender.asked) == 1
    clock.seconds += 20.1
    await one.send(message())
    assert len(sender.asked) == 2


async def test_five_failures_cut_a_provider_off_and_one_trial_brings_it_back() -> None:
    clock, rests = Clock(), list[tuple[str, timedelta, str]]()
    sender = failing(K.UNKNOWN)
    one = channel(Provider(id="a", sender=sender), clock=clock)
    one.on_pause = lambda *rest: rests.append(rest)
    for _ in range(9):
        await one.send(message())
    assert len(sender.asked) == BreakerPolicy().failures
    assert rests == [("a", BreakerPolicy().rest, "too many failures")]
    clock.seconds += BreakerPolicy().rest.total_seconds() + 0.1
    await one.send(message())  # the trial fails: it rests again at once
    await one.send(message())
    assert len(sender.asked) == BreakerPolicy().failures + 1
    clock.seconds += BreakerPolicy().rest.total_seconds() + 0.1
    sender.answer = Receipt
    assert all([isinstance(await one.send(message()), Receipt) for _ in range(20)])


async def test_slow_failures_cut_nothing_off() -> None:
    clock, sender = Clock(), failing(K.UNKNOWN)
    one = channel(Provider(id="a", sender=sender), clock=clock)
    for _ in range(4):
        await one.send(message())
    sender.answer = Receipt
    await one.send(message())
    sender.answer = failing(K.UNKNOWN).answer
    for _ in range(4):
        await one.send(message())
    assert len(sender.asked) == 9


async def test_a_provider_that_hangs_holds_up_only_its_own_places() -> None:
    hanging, sound = Hanging(), Scripted()
    both = channel(
        Provider(id="slow", sender=hanging, weight=10**9, in_flight=1), Provider(id="good", sender=sound)
    )
    stuck = asyncio.create_task(both.send(message()))
    await hanging.begun.wait()
    outcomes = [await both.send(message(seed)) for seed in range(50)]
    assert {one.via for one in outcomes} == {"good"}
    hanging.let_go.set()
    assert (await stuck).via == "slow"


async def test_a_call_that_is_cut_off_counts_as_a_failure() -> None:
    clock, hanging = Clock(), Hanging()
    one = channel(Provider(id="a", sender=hanging), clock=clock)
    for _ in range(BreakerPolicy().failures):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await one.send(message())
    outcome = await one.send(message())
    assert isinstance(outcome, Failure)
    assert outcome.kind is K.THROTTLED


async def test_a_rate_lets_no_more_out_than_it_says() -> None:
    clock, sender = Clock(), Scripted()
    one = channel(Provider(id="a", sender=sender, per_s=10), clock=clock)
    for _ in range(1_000):
        await one.send(message())
        clock.seconds += 0.01
    assert len(sender.asked) == pytest.approx(100, abs=2)


async def test_without_providers_a_message_waits() -> None:
    outcome = await channel().send(message())
    assert isinstance(outcome, Failure)
    assert outcome.kind is K.THROTTLED
    assert outcome.retry_after is not None


async def test_a_pause_that_another_process_found_holds_here() -> None:
    sender = Scripted()
    one = channel(Provider(id="a", sender=sender))
    one.paused_for("a", timedelta(seconds=5))
    await one.send(message())
    assert sender.asked == []


async def test_a_pause_ends_when_somebody_says_so() -> None:
    sender = Scripted()
    one = channel(Provider(id="a", sender=sender), Provider(id="b", sender=sender))
    one.paused_for("a", timedelta(hours=1))
    one.paused_for("b", timedelta(minutes=1))
    assert one.rests_for(message()) == timedelta(minutes=1)
    one.resume("a")
    assert one.rests_for(message()) == timedelta(0)
    await one.send(message())
    assert len(sender.asked) == 1


async def test_who_was_cut_off_and_is_used_again_gets_a_single_message_first() -> None:
    hanging = Hanging()
    one = channel(Provider(id="a", sender=hanging))
    for _ in range(BreakerPolicy().failures):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await one.send(message())
    assert one.rests_for(message()) == BreakerPolicy().rest
    one.resume("a")
    hanging.begun.clear()
    first = asyncio.create_task(one.send(message()))
    await hanging.begun.wait()
    assert timedelta(0) < one.rests_for(message()) < timedelta(seconds=1)
    hanging.let_go.set()
    assert (await first).via == "a"
    assert one.rests_for(message()) == timedelta(0)


def test_without_providers_there_is_nothing_to_hurry_for() -> None:
    assert channel().rests_for(message()) > timedelta(seconds=1)
