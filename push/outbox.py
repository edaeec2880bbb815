"""What the dispatcher needs of others: an outbox that commits, channels that send, two times; and how much it may take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from push.consent import Channel as ChannelName
from push.delivery import DeliveryState, LeasedDelivery, Result, RetryPolicy, SendFacts
from push.errors import PushError
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Outcome


class PolicyInvalid(PushError):
    """Limits of the dispatcher that contradict each other."""


class StoreAway(PushError):
    """The outbox does not answer now; what was asked of it may or may not have been done."""


class Channel(Protocol):
    """One way to reach a member. It never raises for what a provider does; it classifies it."""

    @property
    def name(self) -> ChannelName: ...

    async def send(self, message: Message) -> Outcome:
        """Try once. `unknown` unless it is certain that the message was taken, or certain that it was not."""
        ...


@runtime_checkable
class Resting(Protocol):
    """A channel that knows by itself how long it is to be left alone: others may tell it to, or not to any longer."""

    def rests_for(self, message: Message) -> timedelta:
        """How long this message is not even to be tried; zero when it may be now."""
        ...


class DeliveryStore(Protocol):
    """The outbox of one district. Every method is one committed transaction.

    exchange raises StoreAway while the outbox does not answer.
    """

    async def reclaim(self) -> int:
        """Move every row whose lease ended to push.delivery.after_lease_ended; how many there were."""
        ...

    async def lease(self, *, limit: int, lease_for: timedelta) -> Sequence[LeasedDelivery]:
        """Take due queued rows, each with its fence raised by one, until lease_for from now (machine time)."""
        ...

    async def facts(self, deliveries: Sequence[LeasedDelivery]) -> Mapping[DeliveryId, SendFacts]:
        """What holds now for those that are marketing; one that is missing is not sent."""
        ...

    async def exchange(
        self, results: Sequence[Result], deliveries: Sequence[LeasedDelivery]
    ) -> frozenset[DeliveryId]:
        """Record results, and then leased → sending for rows whose fence is ours and whose lease lasts; which these were.

        There never are more rows in sending than before the results came in.
        """
        ...

    async def record(self, results: Sequence[Result]) -> None:
        """Write each result whose fence still is its row's and whose row is leased or sending."""
        ...

    async def release(self, deliveries: Sequence[LeasedDelivery]) -> None:
        """leased → queued at once for rows whose fence is ours."""
        ...


class Clock(Protocol):
    """The two times of the product."""

    def now(self) -> datetime:
        """Business time."""
        ...

    def monotonic(self) -> float:
        """Machine time in seconds, for leases and deadlines."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class DispatchPolicy:
    """How much is taken at once and how long it may last.

    fresh_for: how old what was found about a message may be when it leaves. reclaim_every: how often ended leases are
    looked for. Raises: PolicyInvalid when a call might outlive its lease.
    """

    lease_rows: int = 64
    in_flight: int = 16
    lease_for: timedelta = timedelta(seconds=30)
    send_deadline: timedelta = timedelta(seconds=8)
    fresh_for: timedelta = timedelta(seconds=1)
    reclaim_every: timedelta = timedelta(seconds=3)
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        if not 20 <= self.lease_rows <= 200:
            raise PolicyInvalid("Lease 20 to 200 rows at a time.")
        if not 1 <= self.in_flight <= self.lease_rows:
            raise PolicyInvalid("in_flight must be between 1 and lease_rows.")
        if not timedelta(0) < self.send_deadline * 2 < self.lease_for:
            raise PolicyInvalid("A lease must last longer than twice the deadline of a call.")


@dataclass(slots=True)
class Tally:
    """How many rows one round brought into each state."""

    leased: int = 0
    reclaimed: int = 0
    states: dict[DeliveryState, int] = field(default_factory=dict)

    def add(self, results: Sequence[Result]) -> None:
        for result in results:
            self.states[result.state] = self.states.get(result.state, 0) + 1
