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
from datetime import timedelta
from typing import TypeAlias

from push import leaving
from push.consent import Channel as ChannelName
from push.delivery import LeasedDelivery, Result, SendFacts, hold, review, settle
from push.identifiers import DeliveryId
from push.message import Message
from push.outbox import (
    Channel,
    Clock,
    DeliveryStore,
    DispatchPolicy,
    PolicyInvalid,
    Resting,
    StoreAway,
    Tally,
)
from push.receipts import Failure, FailureKind, Outcome

__all__ = [
    "Channel",
    "Clock",
    "DeliveryStore",
    "DispatchPolicy",
    "Dispatcher",
    "PolicyInvalid",
    "StoreAway",
    "Tally",
]

_log = logging.getLogger(__name__)


_Provider: TypeAlias = tuple[ChannelName, str]


def _provider_of(message: Message) -> _Provider:
    """Who is to be left alone when this message is throttled.

    A webhook's address is a provider of its own; that of an app begins with whose push service carries it.
    """
    if message.channel is ChannelName.APP:
        return message.channel, message.address.partition(":")[0]
    return message.channel, message.address if message.channel is ChannelName.WEBHOOK else ""


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
        """Piece by piece: what became of one is recorded as the next is marked."""
        results: list[Result] = []
        while not self.stopping.is_set() and self._lease_lasts(started):
            piece = next(waiting, None)
            if piece is None:
                break
            settled, ready = await self._reviewed(piece, seen)
            try:
                ours = await self._exchanged([*results, *settled], ready)
            except Exception:
                await self._record(results, started)
                raise
            tally.add(settled)
            marked = [delivery for delivery in ready if delivery.id in ours]
            results = await self._send_all(marked, seen, started)
            tally.add(results)
        await self._record(results, started)

    async def _exchanged(
        self, results: Sequence[Result], ready: Sequence[LeasedDelivery]
    ) -> frozenset[DeliveryId]:
        return await self.store.exchange(results, ready) if results or ready else frozenset()

    def _lease_lasts(self, started: float) -> bool:
        """Whether a call begun now ends, and is recorded, before the lease taken at `started` does."""
        spent = timedelta(seconds=self.clock.monotonic() - started)
        return spent + self.policy.send_deadline * 1.5 < self.policy.lease_for

    async def _look(self, deliveries: Sequence[LeasedDelivery]) -> _Seen:
        at_s = self.clock.monotonic()
        return _Seen(facts=await self.store.facts(deliveries), at_s=at_s)

    def _is_fresh(self, seen: _Seen) -> bool:
        return self.clock.monotonic() - seen.at_s <= self.policy.fresh_for.total_seconds()

    async def _reviewed(
        self, deliveries: Sequence[LeasedDelivery], seen: _Seen
    ) -> tuple[list[Result], list[LeasedDelivery]]:
        """What becomes of some without a call, and which may leave."""
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
        return results, ready

    async def _record(self, results: Sequence[Result], started: float) -> None:
        """Write results; a store that is away for a moment must not make unknown what is known."""
        while results:
            try:
                await self.store.exchange(results, ())
                return
            except StoreAway as error:
                spent = timedelta(seconds=self.clock.monotonic() - started)
                if spent >= self.policy.lease_for:
                    raise
                _log.warning("results.not_recorded error=%s", type(error).__name__)
                await asyncio.sleep(_RECORD_AGAIN_S)

    async def _send_all(self, marked: Sequence[LeasedDelivery], seen: _Seen, started: float) -> list[Result]:
        if marked and not self._lease_lasts(started):
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
            self._pause(delivery.message, self.policy.retry.pause(outcome))
        return settle(delivery, outcome, now=self.clock.now(), policy=self.policy.retry, chance=self.chance)

    def _pause(self, message: Message, pause: timedelta) -> None:
        if isinstance(self.channels[message.channel], Resting):
            return
        provider, now = _provider_of(message), self.clock.monotonic()
        until = max(now + pause.total_seconds(), self._paused_until.get(provider, 0.0))
        # Only what still is paused is kept, so that many addresses do not fill the memory.
        kept = {one: end for one, end in self._paused_until.items() if end > now}
        self._paused_until = {**kept, provider: until}

    def _hold(self, delivery: LeasedDelivery) -> Result | None:
        """Leaves a row for later whose provider is paused; one that this worker has no channel for, too."""
        channel = self.channels.get(delivery.message.channel)
        if channel is None:
            return hold(delivery, delay=self.policy.retry.default_pause)
        left = channel.rests_for(delivery.message) if isinstance(channel, Resting) else self._left(delivery)
        return hold(delivery, delay=left) if left > timedelta(0) else None

    def _left(self, delivery: LeasedDelivery) -> timedelta:
        left_s = self._paused_until.get(_provider_of(delivery.message), 0.0) - self.clock.monotonic()
        return timedelta(seconds=max(left_s, 0.0))
