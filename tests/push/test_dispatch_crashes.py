"""A worker dies, or is stopped beyond its lease, at every step there is: nothing arrives twice that must not."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from push.consent import Channel
from push.delivery import DeliveryState
from push.dispatch import Dispatcher, DispatchPolicy
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome
from tests.push.outbox_world import (
    Killed,
    MemoryStore,
    Outbox,
    SimulatedClock,
    Sink,
    SinkChannel,
    Steps,
    code_message,
    offer_message,
)

OFFERS, CODES = 36, 4
POLICY = DispatchPolicy(lease_rows=20)


class World:
    """An outbox with offers and codes, some of which the provider first turns away."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.outbox = Outbox(clock=self.clock)
        self.sink = Sink()
        self.turned_away: set[DeliveryId] = set()
        self.offers = [self.outbox.add(offer_message(number)) for number in range(OFFERS)]
        self.codes = [self.outbox.add(code_message(1_000 + number)) for number in range(CODES)]

    def answer(self, message: Message) -> Outcome | None:
        """Every seventh message is turned away once, alternately as throttled and as transient."""
        if message.id.int % 7 or message.id in self.turned_away:
            return None
        self.turned_away.add(message.id)
        kind = FailureKind.THROTTLED if message.id.int % 2 else FailureKind.TRANSIENT
        return Failure(kind=kind)

    def worker(self, steps: Steps) -> Dispatcher:
        channels = {
            name: SinkChannel(name=name, sink=self.sink, clock=self.clock, steps=steps, answers=self.answer)
            for name in (Channel.WEBHOOK, Channel.SMS)
        }
        return Dispatcher(
            store=MemoryStore(outbox=self.outbox, steps=steps),
            channels=channels,
            clock=self.clock,
            chance=random.Random(7),
            policy=POLICY,
        )

    async def work(self, steps: Steps) -> None:
        """A worker runs until everything has ended, letting time pass whenever nothing is due."""
        dispatcher = self.worker(steps)
        for _ in range(200):
            if self.outbox.is_done:
                return
            tally = await dispatcher.run_once()
            if not tally.leased:
                self.clock.seconds += 1 if self.is_under_way else 20
        raise AssertionError(f"not done: {self.outbox.states()}")

    @property
    def is_under_way(self) -> bool:
        """Whether another worker has rows in its hands, which take it no twenty seconds."""
        return bool({DeliveryState.LEASED, DeliveryState.SENDING} & set(self.outbox.states()))

    async def die_at(self, step: int) -> bool:
        """Whether a worker that dies at this step got that far; its lease then runs out."""
        steps = Steps(at=step)
        try:
            await self.work(steps)
        except Killed:
            # The calls that were open die with their process, at their next step.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)
            self.clock.seconds += POLICY.lease_for.total_seconds() + 1
            return True
        return False

    def check(self, *, kills: int) -> None:
        """What must hold in the end, after this many kills."""
        counts, states = self.sink.counts(), self.outbox.states()
        assert self.outbox.is_done
        assert max(counts[one] for one in self.offers) <= 1
        assert min(counts[one] for one in self.codes) >= 1
        assert states[DeliveryState.UNKNOWN] <= kills * POLICY.in_flight
        accepted = [one for one in self.offers if self.outbox.rows[one].state is DeliveryState.ACCEPTED]
        assert all(counts[one] == 1 for one in accepted)
        lost = [one for one in self.offers if not counts[one]]
        assert all(self.outbox.rows[one].state is DeliveryState.UNKNOWN for one in lost)


async def test_without_a_crash_everything_arrives_exactly_once() -> None:
    world = World()
    await world.work(Steps())
    assert world.outbox.states() == {DeliveryState.ACCEPTED: OFFERS + CODES}
    assert set(world.sink.counts().values()) == {1}
    assert world.turned_away


async def test_a_kill_at_any_step_sends_no_offer_twice_and_loses_no_code() -> None:
    step, unknown = 1, 0
    while True:
        world = World()
        if not await world.die_at(step):
            break
        await world.work(Steps())
        world.check(kills=1)
        unknown += world.outbox.states()[DeliveryState.UNKNOWN]
        step += 1
    assert step > 100
    assert unknown > 0


async def test_a_stop_beyond_the_lease_at_any_step_sends_no_offer_twice() -> None:
    step, reached = 0, True
    while reached:
        step += 1
        world = World()

        async def another_works_meanwhile(world: World = world) -> None:
            world.clock.seconds += POLICY.lease_for.total_seconds() + 1
            await world.work(Steps())

        steps = Steps(at=step, then=another_works_meanwhile)
        await world.work(steps)
        world.check(kills=1)
        reached = steps.count >= step
    assert step > 100


@settings(max_examples=60, deadline=None)
@given(kills=st.lists(st.integers(1, 120), max_size=6))
def test_any_series_of_kills_sends_no_offer_twice(kills: list[int]) -> None:
    async def story() -> None:
        world = World()
        died = [await world.die_at(step) for step in kills]
        await world.work(Steps())
        world.check(kills=sum(died))

    asyncio.run(story())


async def test_two_workers_at_once_share_the_work() -> None:
    world = World()
    await asyncio.gather(world.work(Steps()), world.work(Steps()))
    world.check(kills=0)
    assert set(world.sink.counts().values()) == {1}
