"""Text messages over SMPP 3.4: at most one submission a message, its answer classified, receipts put together."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from push import leaving
from push.channels import smpp_pdu, sms_parts
from push.channels.outbound import Outbound
from push.channels.smpp_pdu import Delivered, Pdu, Status, Submit
from push.channels.smpp_receipt import Arrival, IdForm, SmppReceipt, plain, receipt_of
from push.channels.smpp_session import Lost, NotBound, SmppAccount, SmppSession
from push.channels.sms_parts import Alphabet
from push.channels.sms_words import whole_text
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

FIRST_REST: Final = timedelta(milliseconds=500)
LONGEST_REST: Final = timedelta(seconds=30)
PART_TRIES: Final = 4
THROTTLED_FOR: Final = timedelta(seconds=1)
MOST_KNOWN: Final = 20_000
"""Messages of several parts whose receipts are still awaited."""
_CODINGS: Final = {Alphabet.GSM: 0, Alphabet.UCS2: 8}
_GONE: Final = frozenset({Status.INVALID_DESTINATION})
_THROTTLES: Final = frozenset({Status.THROTTLED, Status.QUEUE_FULL})
_NOT_TAKEN: Final = frozenset({Status.SYSTEM_ERROR, 0x04, 0x05, 0x64})
"""System error, wrong state of the connection, already bound, and "try later": certainly not taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A text that somebody sent to our number."""

    sender: str = field(repr=False)
    text: str = field(repr=False)


Tell = Callable[[SmppReceipt | Heard], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SmppForm:
    """How messages look: from which number, signed how, long ones cut by us or by the gateway."""

    source: str
    signature: str = ""
    is_payload: bool = False
    ids: IdForm = IdForm.SAME


@dataclass(slots=True, kw_only=True)
class SmppSender:
    """Sends by one account. The connection is made by ``open`` or the first message, and again when it was lost."""

    account: SmppAccount
    form: SmppForm
    outbound: Outbound
    now: Callable[[], datetime]
    """Business time, by which messages expire."""
    monotonic: Callable[[], float]
    tell: Tell
    chance: random.Random = field(default_factory=random.SystemRandom)
    _session: SmppSession | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _rest: timedelta = FIRST_REST
    _not_before: float = 0.0
    _reference: int = field(default_factory=lambda: random.SystemRandom().randrange(256))
    _parts: OrderedDict[str, "_Long"] = field(default_factory=OrderedDict)
    _underway: set[asyncio.Future[None]] = field(default_factory=set)
    """Long messages of which some parts may have no answer yet."""

    async def open(self) -> bool:
        """Be connected, so that receipts and replies come in; whether it is so now."""
        try:
            await self._bound()
        except NotBound:
            return False
        return True

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, message: Message) -> Outcome:
        """Submit each part once, one after the other."""
        text = text_of(message, self.form.signature)
        parts = sms_parts.split(text)
        if parts.count > sms_parts.MOST_PARTS:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=f"{parts.count} parts")
        try:
            session = await self._bound()
        except NotBound as error:
            return Failure(kind=FailureKind.TRANSIENT, detail=str(error)[:100])
        if session.is_full:
            return Failure(
                kind=FailureKind.THROTTLED, detail="window full", retry_after=timedelta(milliseconds=50)
            )
        submits = self._submits(message, parts)
        if len(submits) == 1:
            return await self._submit(session, submits[0], is_first=True)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._underway.add(ended)
        try:
            return await self._send_long(session, submits)
        finally:
            self._underway.discard(ended)
            ended.set_result(None)

    async def _send_long(self, session: SmppSession, submits: Sequence[Submit]) -> Outcome:
        taken: list[str] = []
        for part in submits:
            outcome = await self._submit(session, part, is_first=not taken)
            if isinstance(outcome, Failure):
                return _partly(outcome) if taken else outcome
            taken.append(outcome.provider_id)
        long = _Long(first=taken[0], missing=set(taken))
        for part_id in taken:
            self._parts[part_id] = long
        while len(self._parts) > MOST_KNOWN:
            self._parts.popitem(last=False)
        return Receipt(provider_id=taken[0])

    def _submits(self, message: Message, parts: sms_parts.Parts) -> list[Submit]:
        ton, npi = _numbering(self.form.source)
        raw = [sms_parts.octets(one, parts.alphabet) for one in parts.texts]
        is_split = parts.count > 1 and not self.form.is_payload
        if is_split:
            self._reference = (self._reference + 1) % 256
            head = bytes((5, 0, 3, self._reference, parts.count))
            raw = [head + bytes((place,)) + one for place, one in enumerate(raw, start=1)]
        elif parts.count > 1:
            raw = [b"".join(raw)]
        left = None if message.expires_at is None else message.expires_at - self.now()
        return [
            Submit(
                source=self.form.source.removeprefix("+"),
                source_ton=ton,
                source_npi=npi,
                destination=message.address,
                data_coding=_CODINGS[parts.alphabet],
                raw=one,
                is_split=is_split,
                as_payload=parts.count > 1 and self.form.is_payload,
                validity=left,
            )
            for one in raw
        ]

    async def _submit(self, session: SmppSession, part: Submit, *, is_first: bool) -> Outcome:
        """One part. A later part that is throttled waits a little: the first was taken already."""
        outcome: Outcome = Failure(kind=FailureKind.UNKNOWN)
        if is_first:
            await leaving.confirm()
        for tries in range(1, (1 if is_first else PART_TRIES) + 1):
            try:
                answer = await session.ask(lambda number: smpp_pdu.submit(part, sequence=number))
            except Lost as lost:
                return Failure(kind=FailureKind.UNKNOWN, detail=str(lost))
            outcome = self._classified(answer)
            if not isinstance(outcome, Failure) or outcome.kind is not FailureKind.THROTTLED:
                break
            if tries < PART_TRIES and not is_first:
                await asyncio.sleep(0.3)
        return outcome

    async def _bound(self) -> SmppSession:
        """The connection, made anew when it was lost, but not more often than the gateway bears. Raises: NotBound."""
        async with self._one_at_a_time:
            if self._session is not None and not self._session.is_closed:
                return self._session
            await self.close()
            if self.monotonic() < self._not_before:
                raise NotBound("no connection; waiting to try again")
            try:
                self._session = await SmppSession.opened(self.account, self.outbound, self._hear)
            except NotBound:
                self._not_before = self.monotonic() + self._rest.total_seconds() * self.chance.uniform(0.5, 1)
                self._rest = min(self._rest * 2, LONGEST_REST)
                raise
            self._rest = FIRST_REST
            return self._session

    async def _hear(self, told: Delivered) -> None:
        if not told.is_receipt:
            text = heard_text(told)
            if text:
                await self.tell(Heard(sender=told.source, text=text))
            return
        receipt = receipt_of(told, self.form.ids)
        if receipt is None or receipt.arrival is Arrival.UNDERWAY:
            return
        if receipt.message_id not in self._parts and self._underway:
            await asyncio.wait(set(self._underway))  # it may be of a part whose answer is still to come
        long = self._parts.get(receipt.message_id)
        if long is None:
            await self.tell(receipt)
        else:
            await self._told_of_part(long, receipt)

    def _classified(self, answer: Pdu) -> Outcome:
        outcome = classify(answer)
        if isinstance(outcome, Failure):
            return outcome
        return Receipt(provider_id=plain(outcome.provider_id, self.form.ids))

    async def _told_of_part(self, long: "_Long", receipt: SmppReceipt) -> None:
        """A long message arrived when all of its parts did, and failed with the first that did not."""
        long.missing.discard(receipt.message_id)
        if long.is_told or (long.missing and receipt.arrival is Arrival.DELIVERED):
            return
        await self.tell(replace(receipt, message_id=long.first))
        long.is_told = True


@dataclass(slots=True, kw_only=True)
class _Long:
    """A message of several parts: the first one's number is the message's."""

    first: str
    missing: set[str]
    is_told: bool = False


def text_of(message: Message, signature: str) -> str:
    """The whole text that a telephone shows."""
    return whole_text(message, signature)


def heard_text(told: Delivered) -> str:
    """A text that somebody sent; of one in several parts this part."""
    raw = told.raw
    if told.has_header and raw:
        raw = raw[raw[0] + 1 :]
    if told.data_coding == _CODINGS[Alphabet.UCS2]:
        return sms_parts.read(raw, Alphabet.UCS2)
    return sms_parts.read(raw, Alphabet.GSM) if told.data_coding == 0 else raw.decode("latin-1")


def classify(answer: Pdu) -> Outcome:
    """What the answer to a submission means. Source: SMPP v3.4 §5.1.3."""
    detail = f"status {answer.status:#x}"
    if answer.status == Status.OK:
        try:
            return Receipt(provider_id=smpp_pdu.message_id(answer)[:100])
        except smpp_pdu.Broken:
            return Receipt()
    if answer.status in _GONE:
        return Failure(kind=FailureKind.ADDRESS_GONE, detail=detail)
    if answer.status in _THROTTLES:
        return Failure(kind=FailureKind.THROTTLED, detail=detail, retry_after=THROTTLED_FOR)
    if answer.status in _NOT_TAKEN:
        return Failure(kind=FailureKind.TRANSIENT, detail=detail)
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)


def _partly(failure: Failure) -> Failure:
    """Some parts were taken: sending the message again would send these twice."""
    return Failure(kind=FailureKind.UNKNOWN, detail=f"taken in part; {failure.detail}")


def _numbering(source: str) -> tuple[int, int]:
    """Type and plan of the number we send from (§5.2.5, §5.2.6): international, short, or letters."""
    digits = source.removeprefix("+")
    if not digits.isdigit():
        return 5, 0
    return (1, 1) if source.startswith("+") else (0, 1)
