"""A NAS for load: RADIUS packets (RFC 2865, 2866) built ahead, sent over UDP at their times, and sent again when unheard."""

import asyncio
import hashlib
import hmac
import os
import struct
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

NOTHING, ACCESS_REQUEST, ACCESS_ACCEPT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 0, 1, 2, 4, 5
IDS: Final = 256
AGAIN_AFTER_S: Final = 3.0
TRIES: Final = 4


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute."""
    return bytes((kind, len(value) + 2)) + value


def number(kind: int, value: int) -> bytes:
    """One attribute of 32 bits."""
    return attribute(kind, struct.pack("!I", value))


def hidden(password: bytes, authenticator: bytes, secret: bytes) -> bytes:
    """A password as PAP carries it (RFC 2865 §5.2)."""
    padded = password + bytes(-len(password) % 16)
    out, last = b"", authenticator
    for at in range(0, len(padded), 16):
        key = hashlib.md5(secret + last, usedforsecurity=False).digest()
        last = bytes(a ^ b for a, b in zip(padded[at : at + 16], key, strict=True))
        out += last
    return out


@dataclass(frozen=True, slots=True)
class Packet:
    """A request without its identifier, which it gets when it is sent."""

    kind: int
    authenticator: bytes
    attributes: bytes
    is_signed: bool

    def bytes_of(self, identifier: int, secret: bytes) -> bytes:
        """The datagram."""
        length = 20 + len(self.attributes) + (18 if self.is_signed else 0)
        head = struct.pack("!BBH", self.kind, identifier, length)
        if self.is_signed:
            body = self.attributes + attribute(80, bytes(16))
            signature = hmac.digest(secret, head + self.authenticator + body, "md5")
            return head + self.authenticator + self.attributes + attribute(80, signature)
        plain = head + bytes(16) + self.attributes
        digest = hashlib.md5(plain + secret, usedforsecurity=False).digest()
        return head + digest + self.attributes


def access(attributes: bytes, *, password: bytes, secret: bytes) -> Packet:
    """An Access-Request with PAP."""
    authenticator = os.urandom(16)
    whole = attributes + attribute(2, hidden(password, authenticator, secret))
    return Packet(ACCESS_REQUEST, authenticator, whole, is_signed=True)


def accounting(attributes: bytes) -> Packet:
    """An Accounting-Request."""
    return Packet(ACCOUNTING_REQUEST, bytes(16), attributes, is_signed=False)


@dataclass(kw_only=True)
class Heard:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    """Of each answer, from when its request was due."""
    kinds: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    sent_again: int = 0
    took_s: float = 0.0
    cpu_s: float = 0.0


class _Socket(asyncio.DatagramProtocol):
    """One port, so one set of identifiers."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[int]] = {}
        self.free = deque(range(IDS))
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self.transport = cast("asyncio.DatagramTransport", transport)  # no subclass of it before Python 3.13

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """asyncio's."""
        waiter = self.waiting.get(data[1])
        if waiter is not None and not waiter.done():
            waiter.set_result(data[0])


class Nas:
    """Many ports towards one server's port."""

    def __init__(self, address: tuple[str, int], secret: bytes) -> None:
        self._address, self._secret = address, secret
        self._sockets: list[_Socket] = []
        self._free: asyncio.Queue[tuple[_Socket, int]] = asyncio.Queue()

    async def open(self, ports: int = 16) -> None:
        """Take the ports."""
        loop = asyncio.get_running_loop()
        for _ in range(ports):
            _, protocol = await loop.create_datagram_endpoint(_Socket, remote_addr=self._address)
            self._sockets.append(protocol)
        # In turn over the ports, so that an identifier is used again as late as can be.
        for identifier in range(IDS):
            for one in self._sockets:
                self._free.put_nowait((one, identifier))

    def close(self) -> None:
        """Give them back."""
        for one in self._sockets:
            if one.transport is not None:
                one.transport.close()

    async def ask(self, packet: Packet, heard: Heard, *, due: float | None = None) -> None:
        """One request until it is answered or given up."""
        due = time.perf_counter() if due is None else due
        one, identifier = await self._free.get()
        data = packet.bytes_of(identifier, self._secret)
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[int] = loop.create_future()
        one.waiting[identifier] = waiter
        sent = 0
        again: asyncio.TimerHandle | None = None

        def send() -> None:
            nonlocal again, sent
            if waiter.done():
                return
            if sent == TRIES or one.transport is None:
                waiter.set_result(NOTHING)
                return
            heard.sent_again += sent > 0
            sent += 1
            one.transport.sendto(data)
            again = loop.call_later(AGAIN_AFTER_S, send)

        send()
        kind = await waiter
        if again is not None:
            again.cancel()
        if kind == NOTHING:
            heard.lost += 1
        else:
            heard.seconds.append(time.perf_counter() - due)
            heard.kinds[kind] = heard.kinds.get(kind, 0) + 1
        del one.waiting[identifier]
        self._free.put_nowait((one, identifier))

    async def open_loop(self, packets: Sequence[Packet], *, per_second: float) -> Heard:
        """All of them at their times."""
        heard, waiting = Heard(), set[asyncio.Task[None]]()
        begin = time.perf_counter()
        for place, packet in enumerate(packets):
            due = begin + place / per_second
            wait_s = due - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            task = asyncio.create_task(self.ask(packet, heard, due=due))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)
        heard.took_s = time.perf_counter() - begin
        return heard

    async def closed_loop(self, packets: Iterable[Packet], *, at_once: int) -> Heard:
        """All of them, so many at a time."""
        heard, source = Heard(), iter(packets)
        begin = time.perf_counter()

        async def work() -> None:
            for packet in source:
                await self.ask(packet, heard)

        await asyncio.gather(*(work() for _ in range(at_once)))
        heard.took_s = time.perf_counter() - begin
        return heard
