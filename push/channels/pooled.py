"""Calls to foreign addresses over connections that are kept: the same checks as Outbound, for one host called often.

A name is resolved for each new connection, every address that it has must be allowed, and only those are connected
to. A connection that is kept goes on to the address that was checked. Connections that idle are closed soon, before
servers commonly do: a request that meets a closing connection may or may not have been taken.
"""

import asyncio
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from yarl import URL

from push import leaving
from push.channels.outbound import (
    Address,
    Answer,
    HostUnknown,
    NotDelivered,
    OutboundPolicy,
    Resolve,
    TargetRefused,
    checked_url,
    is_public,
    resolve,
)

IDLE: Final = timedelta(seconds=5)
_PIECE_BYTES: Final = 8_192
_MOST_TARGETS: Final = 1_024


@dataclass(slots=True)
class _Progress:
    """Whether any byte of the request may have left; kept_back is why none did."""

    has_begun: bool = False
    kept_back: leaving.NotLeaving | None = None


class _Body(aiohttp.BytesPayload):
    """A body that asks before it is written; its request's head leaves together with it."""

    def __init__(self, body: bytes, progress: _Progress) -> None:
        super().__init__(body)
        self._progress = progress

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """aiohttp's."""
        try:
            await leaving.confirm()
        except leaving.NotLeaving as kept_back:
            self._progress.kept_back = kept_back
            raise
        self._progress.has_begun = True
        await super().write_with_length(writer, content_length)


class _CheckedResolver(AbstractResolver):
    """Gives a connection nothing but addresses that the policy allows."""

    def __init__(self, policy: OutboundPolicy, find: Resolve) -> None:
        self._policy = policy
        self._find = find

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 aiohttp's
    ) -> list[ResolveResult]:
        """Raises: HostUnknown, TargetRefused."""
        found = [_address(text) for text in await self._find(host, port)]
        if not found:
            raise HostUnknown("The host has no address.")
        if not all(_allows(self._policy, one, port) for one in found):
            raise TargetRefused("The host has an address that is not public.")
        return [
            ResolveResult(
                hostname=host,
                host=str(one),
                port=port,
                family=socket.AF_INET if one.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for one in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True, kw_only=True)
class Pooled:
    """A way out that keeps its connections; opened by its first call, in the loop of that call. Close it at the end."""

    policy: OutboundPolicy = field(default_factory=OutboundPolicy)
    resolve: Resolve = resolve
    _session: aiohttp.ClientSession | None = None
    _targets: dict[str, URL] = field(default_factory=dict)

    async def post(self, url: str, *, body: bytes, headers: dict[str, str], read_bytes: int = 0) -> Answer:
        """Call once and return the answer's head, with at most read_bytes of its body.

        The body is never decompressed; one that is longer is cut off, with its connection.

        Raises: TargetRefused; NotDelivered; NotLeaving.
        """
        if len(body) > self.policy.max_body_bytes:
            raise TargetRefused(f"A body may have {self.policy.max_body_bytes} bytes.")
        target, progress = self._known(url), _Progress()
        try:
            async with asyncio.timeout(self.policy.deadline.total_seconds()):
                return await self._send(target, body, headers, read_bytes, progress)
        except (TimeoutError, HostUnknown, aiohttp.ClientError, OSError) as error:
            if progress.kept_back is not None:
                raise progress.kept_back from None
            raise NotDelivered(type(error).__name__, was_sent=progress.has_begun) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _known(self, url: str) -> URL:
        """The target of a URL, which is read once as long as few others are called."""
        found = self._targets.get(url)
        if found is None:
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            found = self._targets[url] = self._target(url)
        return found

    def _target(self, url: str) -> URL:
        checked = checked_url(url, self.policy)
        target = URL(str(checked), encoded=True)
        # Two readers of one URL must agree on what is called.
        if (target.host or "").lower() != checked.host.lower() or target.port != _port(checked):
            raise TargetRefused("This is not a URL.")
        near = _literal(checked.host)
        if near is not None and not _allows(self.policy, near, _port(checked)):
            raise TargetRefused("The host has an address that is not public.")
        is_local = checked.host == "localhost" or (near is not None and near.is_loopback)
        if checked.scheme != "https" and not is_local:
            raise TargetRefused("Use an https URL.")
        return target

    async def _send(
        self, target: URL, body: bytes, headers: dict[str, str], read_bytes: int, progress: _Progress
    ) -> Answer:
        session = self._opened()
        async with session.post(
            target, data=_Body(body, progress), headers=headers, allow_redirects=False
        ) as answer:
            taken = b""
            while len(taken) < read_bytes:
                piece = await answer.content.read(min(_PIECE_BYTES, read_bytes - len(taken)))
                if not piece:
                    break
                taken += piece
            return Answer(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=taken,
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=_CheckedResolver(self.policy, self.resolve),
                    use_dns_cache=False,
                    keepalive_timeout=IDLE.total_seconds(),
                    limit=0,
                    ssl=self.policy.trust or True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # the deadline around each call counts all of it
                auto_decompress=False,
                trust_env=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "shangquan"},
            )
        return self._session


def _allows(policy: OutboundPolicy, address: Address, port: int) -> bool:
    if address.is_loopback:
        return policy.allows_loopback
    is_near = policy.allows_private and address.is_private
    return (policy.ports is None or port in policy.ports) and (is_public(address) or is_near)


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _literal(host: str) -> Address | None:
    try:
        return _address(host)
    except ValueError:
        return None


def _address(text: str) -> Address:
    address = ip_address(text.split("%", maxsplit=1)[0])
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
