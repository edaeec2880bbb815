"""Calls to one provider over HTTP/2, on a connection that is kept: checked and pinned as every way out is.

All calls share one connection, as Apple asks for. Frames are the package h2's; what is read of them is in http2_line.py.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx

from push.channels.http2_line import Broken, Call, Http2Line
from push.channels.outbound import Answer, HostUnknown, NotDelivered, Outbound, Target

RESOLVED_FOR: Final = timedelta(minutes=1)
IDLE_FOR: Final = timedelta(minutes=1)
"""Shorter than routers commonly forget a silent connection."""
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(slots=True, kw_only=True)
class Http2:
    """A way out to one host, held to what ``outbound`` allows. monotonic is machine time in seconds.

    Opened by its first call; close it at the end.
    """

    outbound: Outbound
    monotonic: Callable[[], float]
    _line: Http2Line | None = None
    _line_to: tuple[str, str, str] | None = None
    _used_at_s: float = 0.0
    _one_opens: asyncio.Lock = field(default_factory=asyncio.Lock)
    _known: dict[str, tuple[float, Target]] = field(default_factory=dict)
    _trust: ssl.SSLContext | None = None

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], read_bytes: int = 0) -> Answer:
        """Call once and return the answer's head, with at most read_bytes of its body.

        Raises: TargetRefused; NotDelivered; NotLeaving.
        """
        asked = httpx.URL(url)
        call = Call(body=body, most_read=read_bytes)
        try:
            async with asyncio.timeout(self.outbound.policy.deadline.total_seconds()):
                target = await self._target(url)
                line = await self._opened(target)
                call.headers = [
                    (":method", "POST"),
                    (":authority", target.host_header),
                    (":scheme", target.url.scheme),
                    (":path", asked.raw_path.decode("ascii")),
                    *((name.lower(), value) for name, value in headers.items()),
                    ("content-length", str(len(body))),
                ]
                return await line.ask(call)
        except (TimeoutError, HostUnknown, Broken, OSError) as error:
            self._known.clear()  # the host may have moved
            name = (
                "ConnectError" if isinstance(error, OSError) and not call.has_begun else type(error).__name__
            )
            raise NotDelivered(name, was_sent=call.has_begun) from error

    async def close(self) -> None:
        """Close the connection."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _target(self, url: str) -> Target:
        """Where the URL's host is, looked up once a minute: a new address would be a new connection each time."""
        host = httpx.URL(url).host
        known = self._known.get(host)
        now_s = self.monotonic()
        if known is None or now_s - known[0] >= RESOLVED_FOR.total_seconds():
            known = (now_s, await self.outbound.target(url))
            self._known = {host: known}
        return known[1]

    async def _opened(self, target: Target) -> Http2Line:
        """The connection that is kept; a new one for another address, after a long silence, or once it takes no more."""
        async with self._one_opens:
            now_s = self.monotonic()
            to = (target.url.scheme, target.host_header, str(target.address))
            is_silent = now_s - self._used_at_s > IDLE_FOR.total_seconds()
            if self._line is None or not self._line.takes_more or is_silent or self._line_to != to:
                if self._line is not None:
                    self._line.drain()
                self._line, self._line_to = await self._connected(target), to
            self._used_at_s = now_s
            return self._line

    async def _connected(self, target: Target) -> Http2Line:
        is_tls = target.url.scheme == "https"
        # The certificate must be the name's, not the address's.
        name = target.url.raw_host.decode("ascii") if is_tls else None
        transport, line = await asyncio.get_running_loop().create_connection(
            Http2Line,
            str(target.address),
            target.url.port or _PORTS[target.url.scheme],
            ssl=self._context() if is_tls else None,
            server_hostname=name,
        )
        spoken = transport.get_extra_info("ssl_object")
        if spoken is not None and spoken.selected_alpn_protocol() != "h2":
            transport.abort()
            raise ConnectionError("the server does not speak HTTP/2")
        return line

    def _context(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = self.outbound.policy.trust or httpx.create_ssl_context()
            self._trust.set_alpn_protocols(["h2"])
        return self._trust
