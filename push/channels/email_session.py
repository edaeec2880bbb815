"""One connection to a mail server: opened with TLS and a log-in, used for one message after the other."""

import asyncio
import contextlib
import re
import socket
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

import aiosmtplib

from push import leaving
from push.channels.email_message import Envelope
from push.channels.outbound import NOT_ALLOWED, Outbound, TargetRefused, is_address_allowed
from push.errors import PushError

MOST_MESSAGES: Final = 100
"""Some servers bear no more on one connection."""
_QUIT_S: Final = 1.0
_DOT_NEEDED: Final = re.compile(rb"(?m)^\.")
_OK, _GO_ON = 250, 354


class NotConnected(PushError):
    """No connection could be made, or the server let us in no further; nothing was sent."""


class Lost(PushError):
    """The connection, or an answer, went missing. was_sent says whether the whole message had left by then."""

    def __init__(self, cause: str, *, was_sent: bool, is_stale: bool = False) -> None:
        super().__init__(cause)
        self.was_sent = was_sent
        self.is_stale = is_stale
        """It went missing at the first word, as with a connection that the server had closed long ago."""


class Step(StrEnum):
    """What the server answered to."""

    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"


class Tls(StrEnum):
    """How a connection is kept secret: from its start, by STARTTLS, or not at all."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a server said, and to what. It took the message if is_taken."""

    step: Step
    code: int
    text: str = field(repr=False)

    @property
    def is_taken(self) -> bool:
        return self.step is Step.CONTENT and 200 <= self.code < 300


@dataclass(frozen=True, kw_only=True, slots=True)
class MailAccount:
    """Where a mail server is and who we are there. trust: whose certificates hold, None for the public authorities."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)
    greeting: str
    """What EHLO says."""
    trust: ssl.SSLContext | None = None
    connect_within: timedelta = timedelta(seconds=4)
    answer_within: timedelta = timedelta(seconds=5)


@dataclass(slots=True, kw_only=True)
class MailConnection:
    """An open connection; ``opened`` makes one. After Lost it is of no more use."""

    smtp: aiosmtplib.SMTP
    used: int = 0
    has_left: bool = False
    """Whether the content of the message that it was given last is on its way."""

    @classmethod
    async def opened(cls, account: MailAccount, outbound: Outbound) -> "MailConnection":
        """Connect, secure and log in. Raises: NotConnected."""
        try:
            async with asyncio.timeout(account.connect_within.total_seconds()):
                return cls(smtp=await _connected(account, outbound))
        except aiosmtplib.SMTPResponseException as refused:
            raise NotConnected(f"{refused.code} {_plain(refused.message)}") from refused
        except (TimeoutError, OSError, aiosmtplib.SMTPException, PushError) as error:
            raise NotConnected(
                str(error)[:100] if isinstance(error, PushError) else type(error).__name__
            ) from error

    @property
    def is_usable(self) -> bool:
        """Whether another message may be tried by it."""
        return self.smtp.is_connected and self.used < MOST_MESSAGES

    @property
    def takes_utf8(self) -> bool:
        return self.smtp.supports_extension("smtputf8")

    @property
    def most_bytes(self) -> int | None:
        """The size of messages that the server names (RFC 1870)."""
        named = self.smtp.esmtp_extensions.get("size", "").strip()
        return int(named) or None if named.isascii() and named.isdigit() else None

    async def deliver(self, envelope: Envelope) -> Answer:
        """Hand over one message; the answer that ended it. Raises: Lost, NotLeaving."""
        is_used, self.used, self.has_left = self.used > 0, self.used + 1, False
        try:
            answer = await self._command(Step.SENDER, self._mail_from(envelope))
        except Lost as lost:
            lost.is_stale = is_used
            raise
        if answer.code == _OK:
            answer = await self._command(Step.RECIPIENT, f"RCPT TO:<{envelope.recipient.address}>")
        if answer.step is Step.RECIPIENT and answer.code in {250, 251}:
            answer = await self._command(Step.DATA, "DATA")
        if answer.step is Step.DATA and answer.code == _GO_ON:
            await leaving.confirm()
            return await self._content(envelope.content)
        await self._forget()
        return answer

    async def quit(self) -> None:
        """Take leave as far as the server goes along, and let the connection go."""
        with contextlib.suppress(TimeoutError, OSError, aiosmtplib.SMTPException):
            async with asyncio.timeout(_QUIT_S):
                await self.smtp.quit()
        self.drop()

    def drop(self) -> None:
        """Let the connection go at once."""
        self.smtp.close()

    def _mail_from(self, envelope: Envelope) -> str:
        extras = [f"SIZE={len(envelope.content)}"] if self.smtp.supports_extension("size") else []
        extras += ["BODY=8BITMIME", "SMTPUTF8"] if envelope.needs_utf8 else []
        return " ".join([f"MAIL FROM:<{envelope.sender}>", *extras])

    async def _command(self, step: Step, line: str) -> Answer:
        """A line and its answer; control characters never pass. Raises: Lost."""
        try:
            said = await self.smtp.execute_command(line.encode())
        except (TimeoutError, OSError, aiosmtplib.SMTPException) as error:
            self.drop()
            raise Lost(f"{step}: {type(error).__name__}", was_sent=False) from error
        return Answer(step=step, code=said.code, text=said.message)

    async def _content(self, content: bytes) -> Answer:
        protocol = self.smtp.protocol
        try:
            if protocol is None or not protocol.is_connected:
                raise aiosmtplib.SMTPServerDisconnected("Connection lost")
            self.has_left = True
            protocol.write(_DOT_NEEDED.sub(b"..", content) + b".\r\n")
            said = await protocol.read_response(timeout=self.smtp.timeout)
        except (TimeoutError, OSError, aiosmtplib.SMTPException) as error:
            self.drop()
            raise Lost(f"{Step.CONTENT}: {type(error).__name__}", was_sent=self.has_left) from error
        return Answer(step=Step.CONTENT, code=said.code, text=said.message)

    async def _forget(self) -> None:
        """End a transaction that was refused, so that the next one starts afresh."""
        try:
            await self.smtp.rset()
        except (TimeoutError, OSError, aiosmtplib.SMTPException):
            self.drop()


async def _connected(account: MailAccount, outbound: Outbound) -> aiosmtplib.SMTP:
    """Raises: OSError, SMTPException, TargetRefused, HostUnknown."""
    found = await outbound.resolve(account.host, account.port)
    if not found or not all(is_address_allowed(one, outbound.policy) for one in found):
        raise TargetRefused(NOT_ALLOWED)
    smtp = aiosmtplib.SMTP(
        hostname=account.host,
        sock=await _socket(found[0], account.port),
        username=account.user or None,
        password=account.password if account.user else None,
        local_hostname=account.greeting,
        use_tls=account.tls is Tls.IMPLICIT,
        start_tls=account.tls is Tls.STARTTLS,
        tls_context=account.trust or outbound.policy.trust,
        timeout=account.answer_within.total_seconds(),
    )
    try:
        await smtp.connect()
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()
    except BaseException:
        smtp.close()
        raise
    return smtp


async def _socket(address: str, port: int) -> socket.socket:
    """A connection to the address that was checked."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def _plain(text: str) -> str:
    """The start of what a server said, fit for a log."""
    return "".join(one if one.isprintable() else " " for one in text)[:80]
