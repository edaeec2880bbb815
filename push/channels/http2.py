"""Calls to one provider over HTTP/2, on a connection that is kept: checked and pinned as every way out is."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx

from push.channels.outbound import Answer, HostUnknown, NotDelivered, Outbound, Progress, Target

RESOLVED_FOR: Final = timedelta(minutes=1)
IDLE_FOR: Final = timedelta(minutes=1)
"""Shorter than routers commonly forget a silent connection."""
MOST_CONNECTIONS: Final = 4


@dataclass(slots=True, kw_only=True)
class Http2:
    """A way out to one host, held to what ``outbound`` allows. monotonic is machine time in seconds.

    Opened by its first call; close it at the end.
    """

    outbound: Outbound
    monotonic: Callable[[], float]
    _client: httpx.AsyncClient | None = None
    _known: dict[str, tuple[float, Target]] = field(default_factory=dict)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], read_bytes: int = 0) -> Answer:
        """Call once and return the answer's head, with at most read_bytes of its body.

        Raises: TargetRefused; NotDelivered; NotLeaving.
        """
        progress = Progress()
        try:
            async with asyncio.timeout(self.outbound.policy.deadline.total_seconds()):
                target = await self._target(url)
                request = self._opened().build_request(
                    "POST",
                    target.url.copy_with(host=str(target.address), raw_path=httpx.URL(url).raw_path),
                    content=body,
                    headers={**headers, "Host": target.host_header, "Accept-Encoding": "identity"},
                    # The certificate must be the name's, not the address's.
                    extensions={"sni_hostname": target.url.raw_host.decode("ascii"), "trace": progress},
                )
                return await self._send(request, read_bytes)
        except (TimeoutError, HostUnknown, httpx.HTTPError) as error:
            self._known.clear()  # the host may have moved
            raise NotDelivered(type(error).__name__, was_sent=progress.has_begun) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _target(self, url: str) -> Target:
        """Where the URL's host is, looked up once a minute: a new address would be a new connection each time."""
        host = httpx.URL(url).host
        known = self._known.get(host)
        now_s = self.monotonic()
        if known is None or now_s - known[0] >= RESOLVED_FOR.total_seconds():
            known = (now_s, await self.outbound.target(url))
            self._known = {host: known}
        return known[1]

    async def _send(self, request: httpx.Request, read_bytes: int) -> Answer:
        response = await self._opened().send(request, stream=True)
        try:
            taken = b""
            async for piece in response.aiter_raw(chunk_size=4_096):
                taken += piece
                if len(taken) >= read_bytes:
                    break
            return Answer(status=response.status_code, headers=response.headers, body=taken[:read_bytes])
        finally:
            await response.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                http1=False,
                http2=True,
                verify=self.outbound.policy.trust or True,
                follow_redirects=False,
                trust_env=False,
                timeout=self.outbound.policy.deadline.total_seconds(),
                limits=httpx.Limits(
                    max_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_FOR.total_seconds()
                ),
            )
        return self._client
