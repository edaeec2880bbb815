"""Several providers of one channel: weighted, paused, limited and cut off each by itself.

A provider that throttles, that is certain not to have taken a message, or that is switched off for a while, costs
nothing: the next one is tried at once. What may have been taken is never given to another.
"""

import asyncio
import hashlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol, runtime_checkable

from push.consent import Channel
from push.leaving import NotLeaving
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome

LONGEST_PAUSE: Final = timedelta(hours=1)
DEFAULT_PAUSE: Final = timedelta(seconds=30)
A_MOMENT: Final = timedelta(milliseconds=50)
"""Until one of the calls under way has ended."""
_MOVES_ON: Final = frozenset({FailureKind.THROTTLED, FailureKind.TRANSIENT})
_TROUBLE: Final = frozenset({FailureKind.TRANSIENT, FailureKind.UNKNOWN})


class Sender(Protocol):
    """One provider's way of sending. It never raises for what the provider does; it classifies it.

    One that reaches some of a channel's addresses only has ``def carries(self, message) -> bool`` too.
    """

    async def send(self, message: Message) -> Outcome: ...


@runtime_checkable
class _Choosy(Protocol):
    """A sender for some of a channel's addresses."""

    def carries(self, message: Message) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Who sends. weight is the share of messages among the channel's providers; per_s what it allows a second."""

    id: str
    sender: Sender
    weight: int = 1
    in_flight: int = 16
    per_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerPolicy:
    """A provider with so many failures in a row within the period is left alone, then tried with a single message."""

    failures: int = 5
    within: timedelta = timedelta(seconds=10)
    rest: timedelta = timedelta(seconds=30)


@dataclass(slots=True)
class _Standing:
    """How one provider does, in seconds of machine time."""

    provider: Provider
    slots: asyncio.Semaphore
    failed_at: deque[float] = field(default_factory=deque)
    closed_until: float = 0.0
    """Throttled or cut off: not called before."""
    is_on_trial: bool = False
    free_at: float = 0.0
    """When the next message may leave by its rate."""
    underway: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever the last call under way ends."""
    is_retired: bool = False


@dataclass(slots=True, kw_only=True)
class ProviderChannel:
    """A channel of one or more providers. monotonic is machine time in seconds."""

    name: Channel
    providers: Sequence[Provider]
    monotonic: Callable[[], float]
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    on_pause: Callable[[str, timedelta, str], None] | None = None
    """Told which provider rests, how long and why."""
    _standings: list[_Standing] = field(init=False)

    def __post_init__(self) -> None:
        self._standings = [
            _Standing(provider=one, slots=asyncio.Semaphore(one.in_flight)) for one in self.providers
        ]

    async def send(self, message: Message) -> Outcome:
        """Try providers in the order of this message's draw, until one takes it or may have."""
        last: Failure | None = None
        fitting = [one for one in self._standings if _carries(one.provider.sender, message)]
        if self._standings and not fitting:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="no provider for this address")
        for standing in _drawn(fitting, message):
            if not self._is_free(standing):
                continue
            outcome = await self._send_by(standing, message)
            if not isinstance(outcome, Failure) or outcome.kind not in _MOVES_ON:
                return outcome
            last = outcome
        if last is not None and last.kind is FailureKind.TRANSIENT:
            return last
        wait = self._shortest_rest(fitting)
        return Failure(
            kind=FailureKind.THROTTLED,
            detail=last.detail if last else "all providers rest",
            retry_after=wait or (A_MOMENT if self._standings else DEFAULT_PAUSE),
            via=last.via if last else "",
        )

    def rests_for(self, message: Message) -> timedelta:
        """How long no provider is to be asked to carry this message."""
        fitting = [one for one in self._standings if _carries(one.provider.sender, message)]
        if any(self._is_free(one) for one in fitting) or (self._standings and not fitting):
            return timedelta(0)
        return self._shortest_rest(fitting) or (A_MOMENT if self._standings else DEFAULT_PAUSE)

    def take_over(self, before: "ProviderChannel") -> None:
        """Go on with what was found of providers that are the same as before; their calls under way count on."""
        known = {id(one.provider): one for one in before._standings}
        self._standings = [known.get(id(one.provider), one) for one in self._standings]

    def retire(self, provider: Provider) -> None:
        """Begin nothing more with this provider: what would go by it is asked for again in a moment."""
        for one in self._standings:
            one.is_retired = one.is_retired or one.provider is provider

    async def ended(self, provider: Provider) -> None:
        """Return once no call to this provider is under way."""
        for one in self._standings:
            while one.provider is provider and one.underway:
                one.ended.clear()
                await one.ended.wait()

    def resume(self, provider_id: str) -> None:
        """Use a provider again whose pause somebody has ended; one that was cut off is tried with a single message."""
        for one in self._standings:
            if one.provider.id == provider_id:
                one.closed_until = 0.0

    def paused_for(self, provider_id: str, pause: timedelta) -> None:
        """Leave a provider alone, because another process found that it rests."""
        for one in self._standings:
            if one.provider.id == provider_id:
                one.closed_until = max(one.closed_until, self.monotonic() + pause.total_seconds())

    def _wait_s(self, standing: _Standing) -> float:
        """How long the provider must be left alone, by its pauses and by its rate."""
        return max(standing.closed_until, standing.free_at) - self.monotonic()

    def _is_free(self, standing: _Standing) -> bool:
        is_taken = standing.is_on_trial or standing.is_retired or standing.slots.locked()
        return self._wait_s(standing) <= 0 and not is_taken

    def _shortest_rest(self, standings: Sequence[_Standing]) -> timedelta:
        return timedelta(seconds=min((max(self._wait_s(one), 0.0) for one in standings), default=0.0))

    async def _send_by(self, standing: _Standing, message: Message) -> Outcome:
        provider = standing.provider
        if provider.per_s:
            standing.free_at = max(standing.free_at, self.monotonic()) + 1 / provider.per_s
        standing.is_on_trial = len(standing.failed_at) >= self.breaker.failures
        standing.underway += 1
        try:
            async with standing.slots:
                outcome = replace(await provider.sender.send(message), via=provider.id)
            self._note(standing, outcome)
        except NotLeaving:
            raise  # the provider has nothing to do with it
        except BaseException:
            self._failed(standing)  # cut off by its deadline, or a fault of ours: it may have been taken
            raise
        finally:
            standing.is_on_trial = False
            standing.underway -= 1
            if not standing.underway:
                standing.ended.set()
        return outcome

    def _note(self, standing: _Standing, outcome: Outcome) -> None:
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.THROTTLED:
            wanted = DEFAULT_PAUSE if outcome.retry_after is None else outcome.retry_after
            self._rest(standing, min(max(wanted, timedelta(0)), LONGEST_PAUSE), outcome.detail or "throttled")
        elif isinstance(outcome, Failure) and outcome.kind in _TROUBLE:
            self._failed(standing)
        else:
            standing.failed_at.clear()

    def _failed(self, standing: _Standing) -> None:
        """Count a failure; the one that is too many, and every one of a trial, cuts the provider off."""
        now = self.monotonic()
        failed_at = standing.failed_at
        failed_at.append(now)
        while len(failed_at) > self.breaker.failures:
            failed_at.popleft()
        if standing.closed_until > now:
            return  # one of the calls that were under way when it was cut off
        is_full = len(failed_at) == self.breaker.failures
        if is_full and (standing.is_on_trial or now - failed_at[0] <= self.breaker.within.total_seconds()):
            self._rest(standing, self.breaker.rest, "too many failures")

    def _rest(self, standing: _Standing, pause: timedelta, why: str) -> None:
        standing.closed_until = max(standing.closed_until, self.monotonic() + pause.total_seconds())
        if self.on_pause is not None:
            self.on_pause(standing.provider.id, pause, why)


def _carries(sender: Sender, message: Message) -> bool:
    return sender.carries(message) if isinstance(sender, _Choosy) else True


def _drawn(standings: Sequence[_Standing], message: Message) -> list[_Standing]:
    """Every provider once, the first ones in proportion to their weights, always alike for one message.

    Source: weighted rendezvous hashing (Schindelhauer, Schomaker, 2005): the smallest -ln(u) / weight first.
    """
    return sorted(
        standings, key=lambda one: -math.log(_uniform(message, one.provider.id)) / one.provider.weight
    )


def _uniform(message: Message, provider_id: str) -> float:
    """A number above 0 and below 1, by the message and the provider."""
    drawn = hashlib.sha256(f"{message.id}|{provider_id}".encode()).digest()
    return (int.from_bytes(drawn[:7]) + 0.5) / 2**56
