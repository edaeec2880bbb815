"""A worker stands still, within its lease, at every step there is: what it sends then is still allowed then."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from push import leaving
from push.consent import NO_CONSENT, Channel
from push.delivery import DeliveryState
from push.dispatch import Dispatcher, DispatchPolicy
from push.message import Message
from push.receipts import Outcome, Receipt
from tests.push.makers import FRIDAY_NOON
from tests.push.outbox_world import MemoryStore, Outbox, SimulatedClock, Sink, Steps, offer_message

OFFERS = 24
STOOD_STILL_S = 15.0
"""Less than the lease: the rows still are the worker's when it goes on."""
WINDOW = timedelta(seconds=5)
POLICY = DispatchPolicy(lease_rows=20, in_flight=8)


class World:
    """One worker, and an outbox of offers."""

    def __init__(self, *, window: timedelta | None) -> None:
        self.clock, self.sink = SimulatedClock(), Sink()
        self.outbox = Outbox(clock=self.clock)
        ends = FRIDAY_NOON + (window or timedelta(hours=2))
        for one in range(OFFERS):
            self.outbox.add(offer_message(one, expires_at=ends))

    async def work(self, stop_at: int, meanwhile: Callable[[], None]) -> bool:
        """Work to the end; whether the stop fell into it."""

        async def stand_still() -> None:
            self.clock.seconds += STOOD_STILL_S
            meanwhile()

        steps = Steps(at=stop_at, then=stand_still)
        dispatcher = Dispatcher(
            store=MemoryStore(outbox=self.outbox, steps=steps),
            channels={Channel.WEBHOOK: Asking(sink=self.sink, clock=self.clock, steps=steps)},
            clock=self.clock,
            chance=random.Random(3),
            policy=POLICY,
        )
        for _ in range(100):
            if self.outbox.is_done:
                break
            if not (await dispatcher.run_once()).leased:
                self.clock.seconds += 20
        assert self.outbox.is_done
        return steps.count >= stop_at


@dataclass(kw_only=True)
class Asking:
    """A channel that asks right before the message leaves; on its way there the worker may stand still."""

    sink: Sink
    clock: SimulatedClock
    steps: Steps
    name: Channel = Channel.WEBHOOK

    async def send(self, message: Message) -> Outcome:
        await self.steps.step()
        await leaving.confirm()
        self.sink.arrived.append(message.id)
        self.sink.at[message.id] = self.clock.now()
        await self.steps.step()
        return Receipt()


@pytest.mark.parametrize("what", ["window", "consent"])
async def test_what_ended_while_the_worker_stood_still_keeps_messages_from_leaving(what: str) -> None:
    step, reached, kept_back = 0, True, 0
    while reached:
        step += 1
        world = World(window=WINDOW if what == "window" else None)
        said_no: list[float] = []

        def say_no(world: World = world, said_no: list[float] = said_no) -> None:
            if what == "consent":
                said_no.append(world.clock.seconds)
                for row in world.outbox.rows.values():
                    row.facts = replace(row.facts, consents=NO_CONSENT)

        reached = await world.work(step, say_no)
        states = world.outbox.states()
        allowed_until = FRIDAY_NOON + (
            WINDOW if what == "window" else timedelta(seconds=said_no[0] if said_no else 1e9)
        )
        late = [id_ for id_, at in world.sink.at.items() if at >= allowed_until]
        assert not late, f"{len(late)} late, stopped at step {step}"
        wanted = {DeliveryState.ACCEPTED, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED}
        assert set(states) <= wanted
        kept_back += states[DeliveryState.EXPIRED] + states[DeliveryState.SUPPRESSED]
    assert step > 60
    assert kept_back > 0
