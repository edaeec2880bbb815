"""How a call leaves for a vendor's server: to which address, under which certificate, and until when.

The name is resolved once a conversation, every address that it has must be allowed, and the connection goes to an
address that was checked. Time and bytes are counted below HTTP, so that a header that drips ends as surely as a body.
"""

import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any, TypeAlias

import httpcore

from district.problems import DistrictError

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

MAX_RECEIVED_BYTES = 640 * 1024
"""Heads and frames included."""
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
"""Where clouds tell a machine its own secrets; some lie inside networks that are otherwise allowed."""
_TUNNELS = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
_RESOLVERS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


class ControllerUnavailable(DistrictError):
    """The vendor's server cannot be reached, is too slow, or answers what nobody can read; the detail is for the operator."""

    status, slug = HTTPStatus.SERVICE_UNAVAILABLE, "gateway-unavailable"
    title = "The gateway cannot be reached"


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host, by the system's resolver."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, kw_only=True)
class AddressRule:
    """Which addresses may be called. Public ones may; a private one must lie in one of the networks."""

    networks: tuple[str, ...]
    allows_loopback: bool = False

    def refusal(self, address: Address) -> str:
        """Why this address is not called; empty when it is."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return self.refusal(address.ipv4_mapped)
        if address.is_loopback:
            return "" if self.allows_loopback else "is this machine itself"
        if address in METADATA or address.is_link_local:
            return "is link-local or a cloud's metadata service"
        if address.is_multicast or address.is_unspecified or _is_tunnel(address):
            return "is not the address of one host"
        if any(address in ipaddress.ip_network(network, strict=False) for network in self.networks):
            return ""
        if address.is_global and not address.is_reserved:
            return ""
        return "is private and in none of the allowed networks: add its network to allow_networks"


def _is_tunnel(address: Address) -> bool:
    return isinstance(address, IPv6Address) and any(address in tunnel for tunnel in _TUNNELS)


@dataclass(kw_only=True)
class Deadline:
    """The end of a whole conversation, and how much may still come in."""

    ends_at: float
    left_bytes: int = MAX_RECEIVED_BYTES

    def left_s(self) -> float:
        """Seconds left. Raises: ControllerUnavailable when there are none."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise ControllerUnavailable("The gateway's server took too long.")
        return left

    def receive(self, count: int) -> None:
        """Count what came in. Raises: ControllerUnavailable when it is too much."""
        self.left_bytes -= count
        if self.left_bytes < 0:
            raise ControllerUnavailable("The gateway's server answered too much.")


class PinnedContext(ssl.SSLContext):
    """TLS to a server that shows one certificate and no other, whoever signed it.

    Nothing is sent before the certificate is compared. A chain and a name are not asked for: controllers sign their
    certificates themselves, for names that nobody calls them by.
    """

    pin: bytes = b""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Shake hands, then compare."""
        wrapped = super().wrap_socket(*args, **kwargs)
        shown = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").digest()
        if not hmac.compare_digest(shown, self.pin):
            wrapped.close()
            raise ssl.SSLCertVerificationError(
                f"its certificate is {shown.hex()}, not the one that is expected"
            )
        return wrapped


@lru_cache(maxsize=256)
def tls_context(*, ca_certificate: str = "", certificate_sha256: str = "") -> ssl.SSLContext:
    """TLS verified by the system's authorities, by the operator's own (PEM), or by one certificate's SHA-256.

    Kept, for reading the system's authorities takes longer than a call; nobody may change it.

    Raises: ssl.SSLError, ValueError for what is no certificate.
    """
    if certificate_sha256:
        pinned = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        pinned.check_hostname, pinned.verify_mode = False, ssl.CERT_NONE
        pinned.pin = bytes.fromhex(certificate_sha256.replace(":", ""))
        return pinned
    context = ssl.create_default_context(cadata=ca_certificate or None)
    # Authorities that appliances make for themselves lack what RFC 5280 wants of public ones.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the conversation."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 the conversation's own end rules
        part = self._stream.read(max_bytes, self._deadline.left_s())
        self._deadline.receive(len(part))
        return part

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 as above
        self._stream.write(buffer, self._deadline.left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 as above
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s())
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@dataclass(kw_only=True)
class BoundedNetwork(httpcore.NetworkBackend):
    """Connects to checked addresses only."""

    rule: AddressRule
    deadline: Deadline
    is_plain: bool
    """Without TLS: to this machine only, for the password would be readable."""
    resolve: Resolve = resolve
    _addresses: tuple[Address, ...] = ()
    _below: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 the conversation's own end rules
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """To the first of the host's addresses that takes the connection. Raises: ControllerUnavailable."""
        addresses = self._addresses = self._addresses or self._checked(host, port)
        for position, address in enumerate(addresses):
            share_s = self.deadline.left_s() / (len(addresses) - position)
            try:
                stream = self._below.connect_tcp(
                    str(address), port, share_s, local_address, list(socket_options or ())
                )
                return _BoundedStream(stream, self.deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise AssertionError("there is always a last address")

    def _checked(self, host: str, port: int) -> tuple[Address, ...]:
        found = tuple(dict.fromkeys(_address(text) for text in self._resolved(host, port)))
        if not found:
            raise ControllerUnavailable("The gateway server's name has no address.")
        for address in found:
            why = self.rule.refusal(address)
            if not why and self.is_plain and not address.is_loopback:
                why = "would get the password unencrypted: use https"
            if why:
                raise ControllerUnavailable(f"The gateway server's address {address} {why}.")
        return found

    def _resolved(self, host: str, port: int) -> Sequence[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            looked_up: Future[Sequence[str]] = _RESOLVERS.submit(self.resolve, host, port)
        try:
            return looked_up.result(timeout=self.deadline.left_s())
        except (OSError, UnicodeError, TookTooLong):
            raise ControllerUnavailable("The gateway server's name has no address.") from None


def _address(text: str) -> Address:
    found = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
