"""Calls to addresses that others chose: https to public hosts only, bounded in time, never redirected.

The name is resolved once a call, every address it has must be public, and the connection goes to the address
that was checked: a name that answers differently a second later changes nothing.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final, TypeAlias

import httpx

from push import leaving
from push.errors import PushError

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_URL = 2_048
# Addresses that carry another one inside: a relay would lead to a host that nobody checked.
_TUNNELS = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))


class TargetRefused(PushError):
    """A URL that the product does not call."""


class HostUnknown(PushError):
    """A name without an address, for now."""


class NotDelivered(PushError):
    """The call failed. was_sent says whether any of it may have reached the host."""

    def __init__(self, cause: str, *, was_sent: bool) -> None:
        super().__init__(cause)
        self.was_sent = was_sent


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host, by the system's resolver."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise HostUnknown("The host has no address.") from error
    except UnicodeError as error:
        raise TargetRefused("The host is not a valid name.") from error
    return [str(entry[4][0]) for entry in found]


NOT_ALLOWED: Final = (
    "The host is this machine itself, or an address of no network: name it by its address in your network."
)
"""Why a host that an operator named is not called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundPolicy:
    """Where calls may go. ports None: to any.

    allows_loopback is for a receiver on this machine, and allows http to it; allows_private is for providers in an
    operator's own network, https only.
    """

    deadline: timedelta = timedelta(seconds=6)
    ports: frozenset[int] | None = frozenset({443})
    allows_loopback: bool = False
    allows_private: bool = False
    max_body_bytes: int = 65_536
    trust: ssl.SSLContext | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A checked URL and the address to connect to for it."""

    url: httpx.URL
    address: Address

    @property
    def host_header(self) -> str:
        return self.url.netloc.decode("ascii")

    @property
    def pinned_url(self) -> httpx.URL:
        return self.url.copy_with(host=str(self.address))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer: its head, and as much of its body as was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Progress:
    """Whether any byte of the request may have left."""

    has_begun: bool = False

    async def __call__(self, event: str, _info: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            await leaving.confirm()
            self.has_begun = True


@dataclass(slots=True)
class Outbound:
    """The one way out for calls to foreign addresses; open it once and close it at the end."""

    policy: OutboundPolicy = field(default_factory=OutboundPolicy)
    resolve: Resolve = resolve
    _client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        # Connections are not kept: a pool knows them by address, and two names may share one.
        self._client = httpx.AsyncClient(
            verify=self.policy.trust or True,
            follow_redirects=False,
            trust_env=False,
            timeout=self.policy.deadline.total_seconds(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], read_bytes: int = 0, method: str = "POST"
    ) -> Answer:
        """Call once and return the answer's head, with at most read_bytes of its body.

        The body is never decompressed; one that is longer is cut off.

        Raises: TargetRefused; NotDelivered; NotLeaving.
        """
        if len(body) > self.policy.max_body_bytes:
            raise TargetRefused(f"A body may have {self.policy.max_body_bytes} bytes.")
        progress = Progress()
        try:
            async with asyncio.timeout(self.policy.deadline.total_seconds()):
                target = await self.target(url)
                request = self._request(target, method, body, headers, progress)
                return await self._send(request, read_bytes)
        except (TimeoutError, HostUnknown, httpx.HTTPError) as error:
            raise NotDelivered(type(error).__name__, was_sent=progress.has_begun) from error

    async def target(self, url: str) -> Target:
        """The URL, checked, with the address that its host has now.

        Raises: TargetRefused; HostUnknown.
        """
        parsed = checked_url(url, self.policy)
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        found = [_address(text) for text in await self.resolve(parsed.raw_host.decode("ascii"), port)]
        if not found:
            raise HostUnknown("The host has no address.")
        if not all(self._allows(one, parsed) for one in found):
            raise TargetRefused("The host has an address that is not public.")
        return Target(url=parsed, address=found[0])

    def _allows(self, address: Address, url: httpx.URL) -> bool:
        if self.policy.allows_loopback and address.is_loopback:
            return True
        is_port = self.policy.ports is None or (url.port or 443) in self.policy.ports
        is_near = self.policy.allows_private and address.is_private and not address.is_loopback
        return url.scheme == "https" and is_port and (is_public(address) or is_near)

    def _request(
        self, target: Target, method: str, body: bytes, headers: Mapping[str, str], progress: Progress
    ) -> httpx.Request:
        return self._client.build_request(
            method,
            target.pinned_url,
            content=body,
            headers={**headers, "Host": target.host_header, "Accept-Encoding": "identity"},
            # The certificate must be the name's, not the address's.
            extensions={"sni_hostname": target.url.raw_host.decode("ascii"), "trace": progress},
        )

    async def _send(self, request: httpx.Request, read_bytes: int) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            body = b""
            if read_bytes:
                async for piece in response.aiter_raw(chunk_size=8_192):
                    body += piece
                    if len(body) >= read_bytes:
                        break
            return Answer(status=response.status_code, headers=response.headers, body=body[:read_bytes])
        finally:
            await response.aclose()


def checked_url(url: str, policy: OutboundPolicy) -> httpx.URL:
    """The URL in parts, if its form allows calling it; what its host is, only resolving says.

    Raises: TargetRefused.
    """
    if len(url) > MAX_URL or not url.isascii() or any(letter <= " " or letter == "\\" for letter in url):
        raise TargetRefused(f"A URL is printable ASCII of at most {MAX_URL} characters.")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise TargetRefused("This is not a URL.") from error
    allowed = ("https", "http") if policy.allows_loopback else ("https",)
    if parsed.scheme not in allowed or not parsed.host or parsed.userinfo:
        raise TargetRefused("Use an https URL with a host and without user name or password.")
    return parsed.copy_with(fragment=None)


def is_address_allowed(text: str, policy: OutboundPolicy) -> bool:
    """Whether a connection that is not HTTP may go to this address."""
    address = _address(text)
    if address.is_loopback:
        return policy.allows_loopback
    return is_public(address) or (policy.allows_private and address.is_private)


def is_public(address: Address) -> bool:
    """Whether an address belongs to a host of the open internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _address(text: str) -> Address:
    address = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
