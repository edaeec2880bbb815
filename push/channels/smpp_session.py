"""One bound connection to an SMPP gateway: requests within a window, their answers, and what the gateway says by itself."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from push.channels import smpp_pdu
from push.channels.outbound import NOT_ALLOWED, Outbound, TargetRefused, is_address_allowed
from push.channels.smpp_pdu import HEADER, MOST_SEQUENCE, RESPONSE, Broken, Command, Delivered, Pdu, Status
from push.errors import PushError

_log = logging.getLogger(__name__)
MOST_WAITING: Final = 500
"""Receipts and texts that wait to be kept; a gateway keeps the rest and sends it again."""
_UNBIND_S: Final = 1.0


class NotBound(PushError):
    """No connection could be made; nothing was sent."""


class Lost(PushError):
    """The connection, or the answer, went missing after the request was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmppAccount:
    """Where a gateway is and who we are there. window is how many requests may be without answer at once."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    is_tls: bool = True
    window: int = 10
    connect_within: timedelta = timedelta(seconds=2.5)
    answer_within: timedelta = timedelta(seconds=4)
    idle_for: timedelta = timedelta(seconds=30)


Hear = Callable[[Delivered], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class SmppSession:
    """A bound connection; ``opened`` makes one. Once it is closed it stays closed.

    hear keeps what the gateway delivered; the gateway has our answer only after it, and repeats what hear raised for.
    """

    account: SmppAccount
    hear: Hear
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_closed: bool = False
    _sequence: int = 0
    _waiting: dict[int, asyncio.Future[Pdu]] = field(default_factory=dict)
    _heard: asyncio.Queue[Pdu] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.account.window)

    @classmethod
    async def opened(cls, account: SmppAccount, outbound: Outbound, hear: Hear) -> "SmppSession":
        """Connect and bind. Raises: NotBound."""
        try:
            async with asyncio.timeout(account.connect_within.total_seconds()):
                reader, writer = await _connected(account, outbound)
                session = cls(account=account, hear=hear, reader=reader, writer=writer)
                try:
                    await session._bind()
                except BaseException:
                    await session.close()
                    raise
                return session
        except (TimeoutError, OSError, Lost, PushError) as error:
            raise NotBound(str(error) or type(error).__name__) from error

    @property
    def is_full(self) -> bool:
        """Whether as many requests wait for answers as the gateway allows."""
        return self._slots.locked()

    async def ask(self, make: Callable[[int], Pdu]) -> Pdu:
        """Send one request, made with its sequence number, and wait for its answer. Raises: Lost."""
        async with self._slots:
            return await self._asked(make)

    async def close(self) -> None:
        """Unbind as far as the gateway goes along, and let the connection go."""
        if not self.is_closed and self._tasks:
            with contextlib.suppress(Lost, TimeoutError):
                async with asyncio.timeout(_UNBIND_S):
                    await self._asked(lambda number: Pdu(command=Command.UNBIND, sequence=number))
        self._drop()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_UNBIND_S):
                await self.writer.wait_closed()

    async def _bind(self) -> None:
        self._tasks.append(asyncio.create_task(self._read()))
        one = self.account
        answer = await self._asked(
            lambda number: smpp_pdu.bind(
                sequence=number, system_id=one.system_id, password=one.password, system_type=one.system_type
            )
        )
        if answer.status != Status.OK:
            raise NotBound(f"bind refused: {answer.status:#x}")
        self._tasks += [asyncio.create_task(self._keep()), asyncio.create_task(self._enquire())]

    async def _asked(self, make: Callable[[int], Pdu]) -> Pdu:
        if self.is_closed:
            raise Lost("the connection is closed")
        self._sequence = self._sequence % MOST_SEQUENCE + 1
        number = self._sequence
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._write(make(number))
            async with asyncio.timeout(self.account.answer_within.total_seconds()):
                return await answer
        except TimeoutError:
            raise Lost("no answer in time") from None
        finally:
            self._waiting.pop(number, None)

    def _write(self, pdu: Pdu) -> None:
        self.writer.write(pdu.packed())

    async def _read(self) -> None:
        try:
            while True:
                head = await self.reader.readexactly(HEADER.size)
                self._take(smpp_pdu.parsed(head, await self.reader.readexactly(smpp_pdu.size_of(head))))
        except (OSError, EOFError, Broken) as error:
            _log.info("smpp.connection_ended cause=%s", type(error).__name__)
        finally:
            self._drop()

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            answer = self._waiting.get(pdu.sequence)
            if answer is not None and not answer.done():
                answer.set_result(pdu)
        elif pdu.command == Command.DELIVER_SM:
            try:
                self._heard.put_nowait(pdu)
            except asyncio.QueueFull:
                self._answer(pdu, Status.QUEUE_FULL)
        elif pdu.command == Command.ENQUIRE_LINK:
            self._answer(pdu)
        elif pdu.command == Command.UNBIND:
            self._answer(pdu)
            raise Broken("The gateway unbound us.")
        else:
            self._write(Pdu(command=Command.GENERIC_NACK, status=0x03, sequence=pdu.sequence))

    def _answer(self, pdu: Pdu, status: Status = Status.OK) -> None:
        body = b"\0" if pdu.command == Command.DELIVER_SM else b""
        self._write(Pdu(command=pdu.command | RESPONSE, status=status, sequence=pdu.sequence, body=body))

    async def _keep(self) -> None:
        """Hand on what was delivered, one after the other, and only then say that we have it."""
        while True:
            pdu = await self._heard.get()
            try:
                await self.hear(smpp_pdu.delivered(pdu))
            except Broken:
                self._answer(pdu)  # again it would be no better
            except Exception as error:
                _log.warning("smpp.not_kept error=%s", type(error).__name__)
                self._answer(pdu, Status.SYSTEM_ERROR)
            else:
                self._answer(pdu)

    async def _enquire(self) -> None:
        """Ask now and then whether the gateway is there; without an answer the connection is given up."""
        while not self.is_closed:
            await asyncio.sleep(self.account.idle_for.total_seconds())
            try:
                await self._asked(lambda number: Pdu(command=Command.ENQUIRE_LINK, sequence=number))
            except Lost:
                self._drop()

    def _drop(self) -> None:
        self.is_closed = True
        self.writer.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Lost("the connection ended"))


async def _connected(
    account: SmppAccount, outbound: Outbound
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to an address that was checked. Raises: OSError, TargetRefused, HostUnknown."""
    found = await outbound.resolve(account.host, account.port)
    if not found or not all(is_address_allowed(one, outbound.policy) for one in found):
        raise TargetRefused(NOT_ALLOWED)
    context = (outbound.policy.trust or ssl.create_default_context()) if account.is_tls else None
    name = account.host if account.is_tls else None
    return await asyncio.open_connection(found[0], account.port, ssl=context, server_hostname=name)
