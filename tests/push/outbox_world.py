"""A whole world for the dispatcher in memory: an outbox that commits, a sink that remembers, a worker that dies."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from push.consent import Channel as ChannelName
from push.delivery import (
    FINAL,
    TRANSITIONS,
    DeliveryState,
    LeasedDelivery,
    Result,
    SendFacts,
    after_lease_ended,
)
from push.identifiers import DeliveryId, MemberId
from push.limits import QuietHours
from push.message import Message, MessagePurpose
from push.receipts import Outcome, Receipt
from push.wording import Language
from tests.push.makers import ALL_CONSENTS, FRIDAY_NOON, HELSINKI, minutes


class Killed(BaseException):
    """The worker's process is gone."""


@dataclass(slots=True)
class SimulatedClock:
    """Business and machine time that move only when told to."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return FRIDAY_NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@dataclass(slots=True)
class Steps:
    """Counts the points at which a worker may die or be stopped; does so at one of them."""

    at: int = 0
    then: Callable[[], Awaitable[None]] | None = None
    count: int = 0
    is_dead: bool = False

    async def step(self) -> None:
        await asyncio.sleep(0)
        self.count += 1
        if self.is_dead or (self.count == self.at and self.then is None):
            self.is_dead = True
            raise Killed
        if self.count == self.at and self.then is not None:
            await self.then()


@dataclass(slots=True)
class Row:
    """A row of the outbox."""

    message: Message
    facts: SendFacts
    state: DeliveryState = DeliveryState.QUEUED
    fence: int = 0
    attempts: int = 0
    retry_at_s: float = 0.0
    due_at: datetime = FRIDAY_NOON
    lease_until_s: float = 0.0
    reason: str = ""
    provider_id: str = ""
    is_address_gone: bool = False
    fallbacks: tuple[ChannelName, ...] = ()


@dataclass(slots=True)
class Outbox:
    """The committed rows; every worker has a store of its own on it."""

    clock: SimulatedClock
    rows: dict[DeliveryId, Row] = field(default_factory=dict)

    def add(
        self, message: Message, facts: SendFacts | None = None, *, fallbacks: tuple[ChannelName, ...] = ()
    ) -> DeliveryId:
        self.rows[message.id] = Row(message=message, facts=facts or FACTS, fallbacks=fallbacks)
        return message.id

    def move(self, row: Row, state: DeliveryState) -> None:
        assert state in TRANSITIONS[row.state], f"{row.state} → {state}"
        row.state = state

    @property
    def is_done(self) -> bool:
        return all(row.state in FINAL for row in self.rows.values())

    def states(self) -> Counter[DeliveryState]:
        return Counter(row.state for row in self.rows.values())


@dataclass(slots=True)
class MemoryStore:
    """The outbox as one worker's transactions see it; each may be cut off before or after its commit."""

    outbox: Outbox
    steps: Steps = field(default_factory=Steps)

    async def reclaim(self) -> int:
        await self.steps.step()
        now_s, ended = self.outbox.clock.seconds, 0
        for row in self.outbox.rows.values():
            if row.state in {DeliveryState.LEASED, DeliveryState.SENDING} and row.lease_until_s <= now_s:
                self.outbox.move(row, after_lease_ended(row.state, row.message.purpose))
                ended += 1
        await self.steps.step()
        return ended

    async def lease(self, *, limit: int, lease_for: timedelta) -> Sequence[LeasedDelivery]:
        await self.steps.step()
        clock = self.outbox.clock
        leased: list[LeasedDelivery] = []
        for key, row in self.outbox.rows.items():
            is_due = row.retry_at_s <= clock.seconds and row.due_at <= clock.now()
            if row.state is DeliveryState.QUEUED and is_due and len(leased) < limit:
                self.outbox.move(row, DeliveryState.LEASED)
                row.fence += 1
                row.lease_until_s = clock.seconds + lease_for.total_seconds()
                leased.append(
                    LeasedDelivery(
                        id=key,
                        fence=row.fence,
                        attempts=row.attempts,
                        message=row.message,
                        fallbacks=row.fallbacks,
                    )
                )
        await self.steps.step()
        return leased

    async def facts(self, deliveries: Sequence[LeasedDelivery]) -> Mapping[DeliveryId, SendFacts]:
        await self.steps.step()
        return {one.id: self.outbox.rows[one.id].facts for one in deliveries}

    async def mark_sending(self, deliveries: Sequence[LeasedDelivery]) -> frozenset[DeliveryId]:
        await self.steps.step()
        ours = [one for one in deliveries if self._is_ours(one.id, one.fence, DeliveryState.LEASED)]
        for one in ours:
            self.outbox.move(self.outbox.rows[one.id], DeliveryState.SENDING)
        await self.steps.step()
        return frozenset(one.id for one in ours)

    async def exchange(
        self, results: Sequence[Result], deliveries: Sequence[LeasedDelivery]
    ) -> frozenset[DeliveryId]:
        if results:
            await self.record(results)
        return await self.mark_sending(deliveries) if deliveries else frozenset()

    async def record(self, results: Sequence[Result]) -> None:
        await self.steps.step()
        for result in results:
            row = self.outbox.rows[result.id]
            if row.fence == result.fence and row.state in {DeliveryState.LEASED, DeliveryState.SENDING}:
                self._write(row, result)
        await self.steps.step()

    async def release(self, deliveries: Sequence[LeasedDelivery]) -> None:
        await self.steps.step()
        for one in deliveries:
            if self._is_ours(one.id, one.fence, DeliveryState.LEASED):
                self.outbox.move(self.outbox.rows[one.id], DeliveryState.QUEUED)
        await self.steps.step()

    def _is_ours(self, key: DeliveryId, fence: int, state: DeliveryState) -> bool:
        row = self.outbox.rows[key]
        lasts = row.lease_until_s > self.outbox.clock.seconds
        return row.fence == fence and row.state is state and lasts

    def _write(self, row: Row, result: Result) -> None:
        self.outbox.move(row, result.state)
        row.reason, row.provider_id = result.reason, result.provider_id
        row.is_address_gone = result.is_address_gone
        row.attempts += result.counts
        row.retry_at_s = self.outbox.clock.seconds + result.delay.total_seconds()
        row.due_at = result.due_at or row.due_at
        if result.channel is not None:
            row.message = replace(row.message, channel=result.channel)
            row.attempts, row.fallbacks = 0, row.fallbacks[1:]


@dataclass(slots=True)
class Sink:
    """The recipients' side: what really arrived, and when."""

    arrived: list[DeliveryId] = field(default_factory=list)
    at: dict[DeliveryId, datetime] = field(default_factory=dict)
    open_calls: int = 0
    most_open_calls: int = 0

    def counts(self) -> Counter[DeliveryId]:
        return Counter(self.arrived)


@dataclass(slots=True)
class SinkChannel:
    """A channel to the sink. answers, if it has one for a message, says what becomes of it instead."""

    name: ChannelName
    sink: Sink
    clock: SimulatedClock
    steps: Steps = field(default_factory=Steps)
    answers: Callable[[Message], Outcome | None] = lambda _: None

    async def send(self, message: Message) -> Outcome:
        self.sink.open_calls += 1
        self.sink.most_open_calls = max(self.sink.open_calls, self.sink.most_open_calls)
        try:
            return await self._send(message)
        finally:
            self.sink.open_calls -= 1

    async def _send(self, message: Message) -> Outcome:
        await self.steps.step()
        answer = self.answers(message)
        if answer is not None:
            return answer
        self.sink.arrived.append(message.id)
        self.sink.at[message.id] = self.clock.now()
        await self.steps.step()
        return Receipt(provider_id="sink")


FACTS = SendFacts(
    consents=ALL_CONSENTS,
    by_location=True,
    is_live=True,
    may_offer=True,
    is_erased=False,
    is_void=False,
    member_zone=None,
    district_zone=HELSINKI,
    quiet=(QuietHours(),),
)

BASE_MESSAGE = Message(
    id=DeliveryId(UUID(int=0)),
    channel=ChannelName.WEBHOOK,
    purpose=MessagePurpose.MARKETING,
    address="https://partner.example/hook",
    language=Language.EN,
    title="Lunch for less",
    body="5 off your lunch of 20.",
    at=FRIDAY_NOON,
    expires_at=FRIDAY_NOON + minutes(90),
    member_id=MemberId(UUID(int=2)),
)


def offer_message(number: int, **changes: object) -> Message:
    return replace(BASE_MESSAGE, id=DeliveryId(UUID(int=number)), **changes)  # type: ignore[arg-type]


def code_message(number: int) -> Message:
    return offer_message(number, purpose=MessagePurpose.CODE, channel=ChannelName.SMS, address="+3584000000")
