"""The dispatcher: lease, check again, mark as sending, send, record. It knows neither SQL nor HTTP.

A worker may be killed between any two of its steps. What then holds, is decided by the order of the writes:
a marketing row is committed as `sending` before its call and never called again, so it leaves at most once
and at most in_flight rows a kill stay unknown.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from push.consent import Channel as ChannelName
from push.delivery import (
    DeliveryState,
    LeasedDelivery,
    Result,
    RetryPolicy,
    SendFacts,
    hold,
    review,
    settle,
)
from push.errors import PushError
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome

_log = logging.getLogger(__name__)


class PolicyInvalid(PushError):
    """Limits of the dispatcher that contradict each other."""


class Channel(Protocol):
    """One way to reach a member. It never raises for what a provider does; it classifies it."""

    @property
    def name(self) -> ChannelName: ...

    async def send(self, message: Message) -> Outcome:
        """Try once. `unknown` unless it is certain that the message was taken, or certain that it was not."""
        ...


class DeliveryStore(Protocol):
    """The outbox of one district. Every method is one committed transaction."""

    async def reclaim(self) -> int:
        """Move every row whose lease ended to push.delivery.after_lease_ended; how many there were."""
        ...

    async def lease(self, *, limit: int, lease_for: timedelta) -> Sequence[LeasedDelivery]:
        """Take due queued rows, each with its fence raised by one, until lease_for from now (machine time)."""
        ...

    async def facts(self, deliveries: Sequence[LeasedDelivery]) -> Mapping[DeliveryId, SendFacts]:
        """What holds now for those that are marketing; one that is missing is not sent."""
        ...

    async def mark_sending(self, deliveries: Sequence[LeasedDelivery]) -> frozenset[DeliveryId]:
        """leased → sending for rows whose fence is ours and whose lease lasts; which ones these were."""
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

    Raises: PolicyInvalid when a call might outlive its lease.
    """

    lease_rows: int = 64
    in_flight: int = 16
    lease_for: timedelta = timedelta(seconds=30)
    send_deadline: timedelta = timedelta(seconds=8)
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


_Provider: TypeAlias = tuple[ChannelName, str]


def _provider_of(message: Message) -> _Provider:
    """Who is to be left alone when this message is throttled: a webhook's address is a provider of its own."""
    is_webhook = message.channel is ChannelName.WEBHOOK
    return message.channel, message.address if is_webhook else ""


@dataclass(slots=True)
class Dispatcher:
    """Sends what is due of one district, round by round. Any number may run on one store."""

    store: DeliveryStore
    channels: Mapping[ChannelName, Channel]
    clock: Clock
    chance: random.Random
    policy: DispatchPolicy = field(default_factory=DispatchPolicy)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _paused_until: dict[_Provider, float] = field(default_factory=dict)

    async def run_once(self) -> Tally:
        """One round: lease what is due and bring it as far as it goes; leased is 0 when nothing was due.

        Setting `stopping` ends it after the calls in flight; the rest is released.
        """
        tally = Tally(reclaimed=await self.store.reclaim())
        started = self.clock.monotonic()
        leased = await self.store.lease(limit=self.policy.lease_rows, lease_for=self.policy.lease_for)
        tally.leased = len(leased)
        size = self.policy.in_flight
        for start in range(0, len(leased), size):
            if self.stopping.is_set() or not self._lease_lasts(started):
                await self.store.release(leased[start:])
                break
            tally.add(await self._round(leased[start : start + size], started))
        return tally

    def _lease_lasts(self, started: float) -> bool:
        """Whether a call begun now ends, and is recorded, before the lease taken at `started` does."""
        spent = timedelta(seconds=self.clock.monotonic() - started)
        return spent + self.policy.send_deadline * 1.5 < self.policy.lease_for

    async def _round(self, deliveries: Sequence[LeasedDelivery], started: float) -> list[Result]:
        facts = await self.store.facts(deliveries)
        now = self.clock.now()
        results: list[Result] = []
        ready: list[LeasedDelivery] = []
        for delivery in deliveries:
            settled = self._hold(delivery) or review(delivery, facts.get(delivery.id), now=now)
            if settled is None:
                ready.append(delivery)
            else:
                results.append(settled)
        results += await self._send_all(ready, started)
        if results:
            await self.store.record(results)
        return results

    async def _send_all(self, ready: Sequence[LeasedDelivery], started: float) -> list[Result]:
        if not ready:
            return []
        ours = await self.store.mark_sending(ready)
        marked = [delivery for delivery in ready if delivery.id in ours]
        if not self._lease_lasts(started):
            # The worker was stopped for long on its way here. Nothing has left, and if the lease ended
            # meanwhile the fence refuses this.
            return [hold(delivery, delay=timedelta(0)) for delivery in marked]
        outcomes = await asyncio.gather(*(self._send(delivery.message) for delivery in marked))
        return [self._settle(delivery, outcome) for delivery, outcome in zip(marked, outcomes, strict=True)]

    async def _send(self, message: Message) -> Outcome:
        channel = self.channels[message.channel]
        try:
            async with asyncio.timeout(self.policy.send_deadline.total_seconds()):
                return await channel.send(message)
        except TimeoutError:
            return Failure(kind=FailureKind.UNKNOWN, detail="deadline")
        except Exception as error:
            # A fault of ours must not take the other calls with it. Its text may hold an address.
            _log.error("channel.failed channel=%s error=%s", message.channel, type(error).__name__)
            return Failure(kind=FailureKind.UNKNOWN, detail=type(error).__name__)

    def _settle(self, delivery: LeasedDelivery, outcome: Outcome) -> Result:
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.THROTTLED:
            self._pause(_provider_of(delivery.message), self.policy.retry.pause(outcome))
        return settle(delivery, outcome, now=self.clock.now(), policy=self.policy.retry, chance=self.chance)

    def _pause(self, provider: _Provider, pause: timedelta) -> None:
        now = self.clock.monotonic()
        until = max(now + pause.total_seconds(), self._paused_until.get(provider, 0.0))
        # Only what still is paused is kept, so that many addresses do not fill the memory.
        kept = {one: end for one, end in self._paused_until.items() if end > now}
        self._paused_until = {**kept, provider: until}

    def _hold(self, delivery: LeasedDelivery) -> Result | None:
        """Leaves a row for later whose provider is paused; one that this worker has no channel for, too."""
        if delivery.message.channel not in self.channels:
            return hold(delivery, delay=self.policy.retry.default_pause)
        left_s = self._paused_until.get(_provider_of(delivery.message), 0.0) - self.clock.monotonic()
        return hold(delivery, delay=timedelta(seconds=left_s)) if left_s > 0 else None
