"""Access controllers that say by themselves that a user has left (Portal 2.0, NTF_LOGOUT): his session is over.

A notice counts when it comes from the controller's own address, under its secret, and once.
"""

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import structlog

from district.clock import Clock
from district.database import Pool, transaction
from district.gateways.portal2.packets import (
    MAX_PACKET_BYTES,
    BadPacket,
    Kind,
    Packet,
    authenticator_of,
    decode,
    encode,
)

log = structlog.get_logger()
MAX_WAITING = 1_000
MAX_REMEMBERED = 10_000
READ_AGAIN_S = 10.0
BIND_AGAIN_S = 5.0

CONTROLLERS_SQL: Final = """
SELECT district_id, id, secret, options ->> 'controller_url' AS controller_url
FROM gateway WHERE vendor = 'portal2'
"""
END_SQL: Final = """
UPDATE wifi_session
SET ended_at = %(now)s, ended_because = 'gateway', device_mac = '', "grant" = '{}'
WHERE district_id = %(district_id)s AND gateway_id = %(gateway_id)s AND ended_at IS NULL
  AND "grant" ->> 'user_ip' = %(user)s
"""

Sender = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class KnownController:
    """A gateway whose access controller may send notices."""

    district_id: uuid.UUID
    gateway_id: uuid.UUID
    secret: bytes


class _Ear(asyncio.DatagramProtocol):
    """Hands datagrams on; what would make a queue grow is dropped, for controllers repeat themselves."""

    def __init__(self, waiting: "asyncio.Queue[tuple[bytes, Sender]]") -> None:
        self._waiting = waiting

    def datagram_received(self, data: bytes, addr: Sender) -> None:
        """Keep it for its turn."""
        with suppress(asyncio.QueueFull):
            if len(data) <= MAX_PACKET_BYTES:
                self._waiting.put_nowait((data, (addr[0], addr[1])))


@dataclass(kw_only=True)
class Departures:
    """Listens for notices, ends sessions, and thanks the controller when that is committed."""

    pool: Pool
    clock: Clock
    host: str
    port: int
    """0: any free one; ``bound`` tells which."""
    bound: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _by_address: Mapping[str, Sequence[KnownController]] = field(default_factory=dict)
    _done: "OrderedDict[bytes, None]" = field(default_factory=OrderedDict)

    async def run(self) -> None:
        """Listen until cancelled; another worker on this machine may have the port, and leave it one day."""
        waiting: asyncio.Queue[tuple[bytes, Sender]] = asyncio.Queue(MAX_WAITING)
        transport = await self._bind(waiting)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow())
                while True:
                    datagram, sender = await waiting.get()
                    await self._take(transport, datagram, sender)
        finally:
            transport.close()

    async def _bind(self, waiting: "asyncio.Queue[tuple[bytes, Sender]]") -> asyncio.DatagramTransport:
        while True:
            try:
                transport, _ear = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Ear(waiting), local_addr=(self.host, self.port)
                )
            except OSError as error:
                log.info("departures.port_taken", port=self.port, error=type(error).__name__)
                await asyncio.sleep(BIND_AGAIN_S)
                continue
            if not self.bound.done():
                self.bound.set_result(int(transport.get_extra_info("sockname")[1]))
            return transport

    async def _follow(self) -> None:
        while True:
            try:
                await self.read_controllers()
            except Exception:
                log.exception("departures.controllers_not_read")
            await asyncio.sleep(READ_AGAIN_S)

    async def read_controllers(self) -> None:
        """Know the access controllers that are registered now."""
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(CONTROLLERS_SQL)).fetchall()
        found: dict[str, list[KnownController]] = {}
        for district_id, gateway_id, secret, url in rows:
            known = KnownController(district_id=district_id, gateway_id=gateway_id, secret=secret.encode())
            found.setdefault(urlsplit(url or "").hostname or "", []).append(known)
        self._by_address = found

    async def _take(self, transport: asyncio.DatagramTransport, datagram: bytes, sender: Sender) -> None:
        """One controller may serve several gateways, under one secret or under many."""
        thanks = b""
        for known in self._by_address.get(sender[0], ()):
            try:
                packet = decode(datagram, known.secret)
            except BadPacket:
                continue
            if packet.kind is not Kind.NTF_LOGOUT or not await self._end(known, packet, datagram):
                return
            thanks = _thanks(packet, datagram, known.secret)
        if thanks:
            transport.sendto(thanks, sender)

    async def _end(self, known: KnownController, packet: Packet, datagram: bytes) -> bool:
        """End the user's session, once for one notice; whether that is so now."""
        mark = known.gateway_id.bytes + authenticator_of(datagram)
        if mark in self._done:
            return True
        values = {
            "now": self.clock.now(),
            "district_id": known.district_id,
            "gateway_id": known.gateway_id,
            "user": str(packet.user_address),
        }
        try:
            async with transaction(self.pool) as connection:
                ended = (await connection.execute(END_SQL, values)).rowcount
        except Exception:
            log.exception("departures.not_ended", gateway=str(known.gateway_id))
            return False  # the controller says it again
        self._done[mark] = None
        if len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)
        log.info("departures.ended", gateway=str(known.gateway_id), sessions=ended)
        return True


def _thanks(packet: Packet, datagram: bytes, secret: bytes) -> bytes:
    answer = Packet(
        kind=Kind.ACK_NTF_LOGOUT,
        serial=packet.serial,
        request_id=packet.request_id,
        user_address=packet.user_address,
        authentication=packet.authentication,
    )
    return encode(answer, secret, request_authenticator=authenticator_of(datagram))
