"""One dispatcher on one outbox in memory, whose channels answer as a test wants."""

import random
from collections.abc import Callable

from push.consent import Channel
from push.delivery import DeliveryState
from push.dispatch import Dispatcher, DispatchPolicy
from push.message import Message
from push.receipts import Outcome
from tests.push.outbox_world import MemoryStore, Outbox, SimulatedClock, Sink, SinkChannel

Answers = Callable[[Message], Outcome | None]


def never(_: Message) -> Outcome | None:
    return None


class World:
    """One dispatcher on one outbox."""

    def __init__(self, answers: Answers = never, policy: DispatchPolicy | None = None) -> None:
        self.clock = SimulatedClock()
        self.outbox = Outbox(clock=self.clock)
        self.sink = Sink()
        self.dispatcher = Dispatcher(
            store=MemoryStore(outbox=self.outbox),
            channels={
                name: SinkChannel(name=name, sink=self.sink, clock=self.clock, answers=answers)
                for name in (Channel.WEBHOOK, Channel.SMS)
            },
            clock=self.clock,
            chance=random.Random(1),
            policy=policy or DispatchPolicy(),
        )

    def only_row(self) -> tuple[DeliveryState, str, int]:
        (row,) = self.outbox.rows.values()
        return row.state, row.reason, row.attempts
