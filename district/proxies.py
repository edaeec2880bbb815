"""Whom a request comes from: the nearest address that is no proxy of ours. What a stranger's headers claim is not believed."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST_HOPS = 20
_SITE_BITS = 64  # what one IPv6 customer holds, so that nobody is many


def networks_of(text: str) -> tuple[Network, ...]:
    """Comma-separated networks or addresses. Raises: ValueError."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


class TrustedProxies:
    """ASGI middleware: behind a trusted proxy, the client and the scheme are those that the proxy saw.

    Without one, and for anybody else, forwarding headers are only text. A public origin on TLS means that browsers
    came by TLS, whatever the last hop was.
    """

    def __init__(self, app: ASGIApp, *, networks: Sequence[Network], public_url: str | None = None) -> None:
        self._app = app
        self._networks = tuple(networks)
        self._is_public_tls = bool(public_url and public_url.lower().startswith("https://"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            self._correct(scope)
        await self._app(scope, receive, send)

    def _correct(self, scope: Scope) -> None:
        peer = _address(scope["client"][0]) if scope.get("client") else None
        if self._networks and peer is not None and self._is_ours(peer):
            headers = Headers(scope=scope)
            client = self._client(headers.getlist("x-forwarded-for"), peer)
            scope["client"] = (str(client), 0)
            # The hop next to us decides: it is the only one whose word is known not to be the client's own.
            if headers.get("x-forwarded-proto", "").split(",")[-1].strip().lower() == "https":
                scope["scheme"] = "https"
        if self._is_public_tls:
            scope["scheme"] = "https"

    def _client(self, forwarded: Sequence[str], peer: Address) -> Address:
        """The rightmost hop that is no proxy of ours; the last known one when a hop is not an address."""
        nearest = peer
        hops = ",".join(forwarded).split(",")[-MOST_HOPS:]
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                return nearest
            nearest = address
            if not self._is_ours(address):
                return address
        return nearest

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, or in brackets; a mapped IPv4 address is one."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network_of(connection: HTTPConnection) -> str:
    """What limits count by: the client's IPv4 address, or its IPv6 network of 64 bits."""
    address = _address(connection.client.host) if connection.client else None
    if address is None:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _SITE_BITS), strict=False))


def address_of(connection: HTTPConnection) -> str:
    """The client's own address, in its one spelling; empty when it is none."""
    address = _address(connection.client.host) if connection.client else None
    return "" if address is None else str(address)
