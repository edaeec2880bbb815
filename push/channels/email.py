"""E-mail over SMTP: one transaction a message and address, connections kept, what servers answer classified."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from push.channels import email_message
from push.channels.email_address import AddressInvalid, mailbox
from push.channels.email_message import Envelope, Sender
from push.channels.email_report import GONE
from push.channels.email_session import (
    Answer,
    Lost,
    MailAccount,
    MailConnection,
    NotConnected,
    Step,
)
from push.channels.outbound import Outbound
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

WITHIN: Final = timedelta(seconds=7)
"""For a whole message; shorter than the dispatcher's own bound, which could not say how far it came."""
IDLE_FOR: Final = timedelta(seconds=20)
LATER: Final = timedelta(minutes=1)
"""A server that puts a message off wants it back in minutes, not in seconds: greylisting."""
_ENHANCED: Final = re.compile(r"^\s*([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")
_QUEUED_AS: Final = re.compile(r"queued as ([0-9A-Za-z]{4,40})\b")
PUT_OFF, REFUSED = 4, 5
"""Classes of answers."""


@dataclass(slots=True)
class _Idle:
    """A connection that waits for its next message since then, in seconds of machine time."""

    connection: MailConnection
    since: float


@dataclass(slots=True, kw_only=True)
class EmailSender:
    """Sends by one mail server. Connections come with the first messages and go when nothing needs them."""

    account: MailAccount
    sender: Sender
    outbound: Outbound
    machine_now: Callable[[], datetime]
    monotonic: Callable[[], float]
    within: timedelta = WITHIN
    _idle: deque[_Idle] = field(default_factory=deque)
    _leaving: set[asyncio.Task[None]] = field(default_factory=set)
    _timer: asyncio.TimerHandle | None = None
    _is_closed: bool = False

    async def close(self) -> None:
        """Let every connection go."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._idle:
            self._leave(self._idle.popleft().connection)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def send(self, message: Message) -> Outcome:
        """Hand the message over once."""
        try:
            recipient = mailbox(message.address)
        except AddressInvalid as error:
            return Failure(kind=FailureKind.ADDRESS_GONE, detail=str(error))
        # Signing takes some milliseconds of reckoning: others' messages go on meanwhile.
        envelope = await asyncio.to_thread(
            email_message.compose, message, self.sender, recipient, now=self.machine_now()
        )
        if len(envelope.content) > email_message.MOST_BYTES:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=f"{len(envelope.content)} bytes")
        try:
            answer = await self._handed_over(envelope)
        except NotConnected as error:
            return Failure(kind=FailureKind.TRANSIENT, detail=str(error)[:100])
        except Lost as lost:
            kind = FailureKind.UNKNOWN if lost.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(lost))
        if isinstance(answer, Failure):
            return answer
        return classify(answer, own_id=str(message.id))

    async def _handed_over(self, envelope: Envelope) -> Answer | Failure:
        """By a connection that is there, or by a new one; one that was closed meanwhile costs nothing.

        Raises: NotConnected, Lost.
        """
        connection: MailConnection | None = None
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                while True:
                    connection = self._idle_one() or await MailConnection.opened(self.account, self.outbound)
                    try:
                        return await self._by(connection, envelope)
                    except Lost as lost:
                        if not lost.is_stale:
                            raise
        except TimeoutError:
            raise Lost("no answer in time", was_sent=connection is not None and connection.has_left) from None

    async def _by(self, connection: MailConnection, envelope: Envelope) -> Answer | Failure:
        refused = _unfit(connection, envelope)
        if refused is not None:
            self._give_back(connection)
            return refused
        try:
            answer = await connection.deliver(envelope)
        except BaseException:
            connection.drop()  # nobody knows what it is in the middle of
            raise
        self._give_back(connection)
        return answer

    def _idle_one(self) -> MailConnection | None:
        """The connection that was used last, if one waits."""
        while self._idle:
            connection = self._idle.pop().connection
            if connection.is_usable:
                return connection
            self._leave(connection)
        return None

    def _give_back(self, connection: MailConnection) -> None:
        if self._is_closed or not connection.is_usable:
            self._leave(connection)
            return
        self._idle.append(_Idle(connection=connection, since=self.monotonic()))
        if self._timer is None:
            self._set_timer()

    def _set_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(IDLE_FOR.total_seconds(), self._end_idle)

    def _end_idle(self) -> None:
        """Let those go that have waited long; look again while any wait."""
        oldest = self.monotonic() - IDLE_FOR.total_seconds()
        while self._idle and self._idle[0].since <= oldest:
            self._leave(self._idle.popleft().connection)
        self._timer = None
        if self._idle:
            self._set_timer()

    def _leave(self, connection: MailConnection) -> None:
        task = asyncio.get_running_loop().create_task(connection.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _unfit(connection: MailConnection, envelope: Envelope) -> Failure | None:
    """What the server has said that it does not take."""
    if envelope.needs_utf8 and not connection.takes_utf8:
        return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="the server takes no international addresses")
    most = connection.most_bytes
    if most is not None and len(envelope.content) > most:
        return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=f"the server takes {most} bytes")
    return None


def classify(answer: Answer, *, own_id: str) -> Outcome:
    """What an answer means. own_id names the message where the server gives it no name.

    4xx: certainly not taken. 5xx: refused for good; the address itself only where the enhanced code says so, as many
    servers say 550 to what they merely do not like. Source: RFC 5321 §4.2, RFC 3463.
    """
    if answer.is_taken:
        named = _QUEUED_AS.search(answer.text)
        return Receipt(provider_id=named[1] if named else own_id)
    found = _ENHANCED.match(answer.text)
    enhanced = ".".join(found.groups()) if found else ""
    detail = f"{answer.step} {answer.code} {enhanced}".strip()
    if answer.code // 100 == PUT_OFF or (answer.step is not Step.CONTENT and answer.code // 100 != REFUSED):
        return Failure(kind=FailureKind.TRANSIENT, detail=detail, retry_after=LATER)
    if answer.code // 100 != REFUSED:
        return Failure(kind=FailureKind.UNKNOWN, detail=detail)  # no answer that the content may have
    is_address = enhanced in GONE and answer.step in {Step.RECIPIENT, Step.CONTENT}
    kind = FailureKind.ADDRESS_GONE if is_address else FailureKind.MESSAGE_REFUSED
    return Failure(kind=kind, detail=detail)
