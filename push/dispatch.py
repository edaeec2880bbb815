"""The dispatcher: lease, check again, mark as sending, send, record. It knows neither SQL nor HTTP.

A worker may be killed between any two of its steps. What then holds, is decided by the order of the writes:
a marketing row is committed as `sending` before its call and never called again, so it leaves at most once
and at most in_flight rows a kill stay unknown. It may also be stopped there for long and go on: what was found about a
message is looked at again, right before the message leaves, once it is older than fresh_for.
"""

import asyncio
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from push import leaving
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

    fresh_for: how old what was found about a message may be when it leaves. reclaim_every: how often ended leases are
    looked for. Raises: PolicyInvalid when a call might outlive its lease.
    """

    lease_rows: int = 64
    in_flight: int = 16
    lease_for: timedelta = timedelta(seconds=30)
    send_deadline: timedelta = timedelta(seconds=8)
    fresh_for: timedelta = timedelta(seconds=1)
    reclaim_every: timedelta = timedelta(seconds=1)
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
class _Seen:
    """What was found about deliveries, and when: seconds of machine time before the first of it was read."""

    facts: Mapping[DeliveryId, SendFacts]
    at_s: float


_RECORD_AGAIN_S = 0.2
_MOST_LOOKS = 3


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
    _reclaimed_at_s: float | None = None

    async def run_once(self) -> Tally:
        """One round: lease what is due and bring it as far as it goes; leased is 0 when nothing was due.

        Half of what may be in flight is looked at, marked and recorded while the other half is sent. Setting
        `stopping` ends it after the calls in flight; the rest is released.
        """
        tally = Tally(reclaimed=await self._reclaim())
        started = self.clock.monotonic()
        leased = await self.store.lease(limit=self.policy.lease_rows, lease_for=self.policy.lease_for)
        tally.leased = len(leased)
        if not leased:
            return tally
        seen = await self._look(leased)
        halves = min(2, self.policy.in_flight)
        size = self.policy.in_flight // halves
        waiting = iter([leased[start : start + size] for start in range(0, len(leased), size)])
        work = (self._work(waiting, seen, started, tally) for _ in range(halves))
        # A half that fails must not cut off the other's calls.
        failed = [one for one in await asyncio.gather(*work, return_exceptions=True) if one is not None]
        if failed:
            raise failed[0]
        left = [delivery for piece in waiting for delivery in piece]
        if left:
            await self.store.release(left)
        return tally

    async def _reclaim(self) -> int:
        now_s, last_s = self.clock.monotonic(), self._reclaimed_at_s
        if last_s is not None and now_s - last_s < self.policy.reclaim_every.total_seconds():
            return 0
        self._reclaimed_at_s = now_s
        return await self.store.reclaim()

    async def _work(
        self, waiting: Iterator[Sequence[LeasedDelivery]], seen: _Seen, started: float, tally: Tally
    ) -> None:
        while not self.stopping.is_set() and self._lease_lasts(started):
            piece = next(waiting, None)
            if piece is None:
                return
            tally.add(await self._round(piece, seen, started))

    def _lease_lasts(self, started: float) -> bool:
        """Whether a call begun now ends, and is recorded, before the lease taken at `started` does."""
        spent = timedelta(seconds=self.clock.monotonic() - started)
        return spent + self.policy.send_deadline * 1.5 < self.policy.lease_for

    async def _look(self, deliveries: Sequence[LeasedDelivery]) -> _Seen:
        at_s = self.clock.monotonic()
        return _Seen(facts=await self.store.facts(deliveries), at_s=at_s)

    def _is_fresh(self, seen: _Seen) -> bool:
        return self.clock.monotonic() - seen.at_s <= self.policy.fresh_for.total_seconds()

    async def _round(self, deliveries: Sequence[LeasedDelivery], seen: _Seen, started: float) -> list[Result]:
        if not self._is_fresh(seen):
            seen = await self._look(deliveries)
        now = self.clock.now()
        results: list[Result] = []
        ready: list[LeasedDelivery] = []
        for delivery in deliveries:
            settled = self._hold(delivery) or review(delivery, seen.facts.get(delivery.id), now=now)
            if settled is None:
                ready.append(delivery)
            else:
                results.append(settled)
        results += await self._send_all(ready, seen, started)
        if results:
            await self._record(results, started)
        return results

    async def _record(self, results: Sequence[Result], started: float) -> None:
        """Write results; a store that is away for a moment must not make unknown what is known."""
        while True:
            try:
                return await self.store.record(results)
            except Exception as error:
                spent = timedelta(seconds=self.clock.monotonic() - started)
                if spent >= self.policy.lease_for:
                    raise
                _log.warning("results.not_recorded error=%s", type(error).__name__)
                await asyncio.sleep(_RECORD_AGAIN_S)

    async def _send_all(self, ready: Sequence[LeasedDelivery], seen: _Seen, started: float) -> list[Result]:
        if not ready:
            return []
        ours = await self.store.mark_sending(ready)
        marked = [delivery for delivery in ready if delivery.id in ours]
        if not self._lease_lasts(started):
            # The worker was stopped for long on its way here. Nothing has left, and if the lease ended
            # meanwhile the fence refuses this.
            return [hold(delivery, delay=timedelta(0)) for delivery in marked]
        return list(await asyncio.gather(*(self._send(one, seen, started) for one in marked)))

    async def _send(self, delivery: LeasedDelivery, seen: _Seen, started: float) -> Result:
        last = _Seen(facts=seen.facts, at_s=seen.at_s)
        try:
            with leaving.asking(lambda: self._ask(delivery, last, started)):
                return self._settle(delivery, await self._outcome(delivery.message))
        except leaving.NotLeaving:
            return hold(delivery, delay=timedelta(0))  # nothing has left: the next round finds what holds now

    async def _outcome(self, message: Message) -> Outcome:
        channel = self.channels[message.channel]
        try:
            async with asyncio.timeout(self.policy.send_deadline.total_seconds()):
                return await channel.send(message)
        except TimeoutError:
            return Failure(kind=FailureKind.UNKNOWN, detail="deadline")
        except leaving.NotLeaving:
            raise
        except Exception as error:
            # A fault of ours must not take the other calls with it. Its text may hold an address.
            _log.error("channel.failed channel=%s error=%s", message.channel, type(error).__name__)
            return Failure(kind=FailureKind.UNKNOWN, detail=type(error).__name__)

    async def _ask(self, delivery: LeasedDelivery, last: _Seen, started: float) -> None:
        """Look again where what is known is old; a stop may fall into that, too. Raises: NotLeaving."""
        for _ in range(_MOST_LOOKS):
            if self._is_fresh(last):
                return
            if not self._lease_lasts(started):
                break
            try:
                again = await self._look([delivery])
            except Exception as error:
                raise leaving.NotLeaving(type(error).__name__) from error
            if review(delivery, again.facts.get(delivery.id), now=self.clock.now()) is not None:
                break
            last.at_s = again.at_s
        raise leaving.NotLeaving("It may not leave any more.")

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
