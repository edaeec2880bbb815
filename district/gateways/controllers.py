"""What all vendors' servers have in common: where they are, how they are trusted, and logins that are kept."""

import hashlib
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, StringConstraints

from district.gateways.caller import Caller, CallPolicy, ControllerRefused
from district.gateways.dialect import GatewayInfo
from district.gateways.outward import tls_context
from district.gateways.redirects import PRIVATE_NETWORKS

T = TypeVar("T")
MAX_KEPT_LOGINS = 512
_ORIGIN = re.compile(r"^https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def _origin(url: str) -> str:
    plain = url.strip().rstrip("/")
    try:
        parts = urlsplit(plain)
        is_origin = bool(_ORIGIN.match(plain)) and parts.port != 0
    except ValueError:
        is_origin = False
    if not is_origin:
        raise ValueError("must be https, a host and perhaps a port, such as https://192.168.1.2:8043")
    if parts.scheme == "http" and parts.hostname not in _LOCAL_HOSTS:
        raise ValueError("must be https: the password must not be readable on the way")
    return plain


def _certificate(pem: str) -> str:
    if pem:
        try:
            tls_context(ca_certificate=pem)
        except (ssl.SSLError, ValueError):
            raise ValueError("must be a certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None
    return pem


def _fingerprint(text: str) -> str:
    digits = text.replace(":", "").replace(" ", "").lower()
    if digits and not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError("must be the SHA-256 of the server's certificate: 64 hex digits, colons allowed")
    return digits


class ControllerOptions(BaseModel, extra="forbid"):
    """Where a vendor's server is, and how it is known to be the right one."""

    controller_url: Annotated[str, StringConstraints(max_length=300), AfterValidator(_origin)]
    ca_certificate: Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_certificate)] = ""
    certificate_sha256: Annotated[str, StringConstraints(max_length=100), AfterValidator(_fingerprint)] = ""


def caller_for(gateway: GatewayInfo, *, allows_loopback: bool) -> Caller:
    """A conversation with the server that the operator named for this gateway, and with no other.

    Raises: ControllerRefused when none is named.
    """
    options = gateway.options
    if not options.get("controller_url"):
        raise ControllerRefused("This gateway has no controller_url: add it to the gateway's options.")
    return Caller(
        CallPolicy(
            origin=str(options["controller_url"]),
            networks=gateway.allow_networks or PRIVATE_NETWORKS,
            allows_loopback=allows_loopback,
            ca_certificate=str(options.get("ca_certificate", "")),
            certificate_sha256=str(options.get("certificate_sha256", "")),
        )
    )


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What a server gave for name and password."""

    token: str
    cookies: Mapping[str, str]


class LoginOver(ControllerRefused):
    """The server wants name and password again."""


@dataclass(kw_only=True)
class KeptLogins:
    """Logins of this process, used until the server ends them: servers refuse whoever logs in for each guest."""

    _kept: dict[bytes, Ticket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def using(
        self,
        key: bytes,
        caller: Caller,
        log_in: Callable[[], str],
        act: Callable[[str], T],
    ) -> T:
        """Act with the kept login, or with a new one where there is none or it is over.

        ``log_in`` gives the token that ``act`` takes; cookies are kept beside it. A kept login that is refused for
        whatever reason is tried once more as a new one.

        Raises: ControllerRefused, ControllerUnavailable.
        """
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            caller.cookies = dict(kept.cookies)
            try:
                return act(kept.token)
            except ControllerRefused:
                self._forget(key, kept)
                caller.cookies = {}
        token = log_in()
        ticket = Ticket(token=token, cookies=dict(caller.cookies))
        answer = act(token)
        with self._lock:
            while len(self._kept) >= MAX_KEPT_LOGINS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = ticket
        return answer

    def _forget(self, key: bytes, ticket: Ticket) -> None:
        with self._lock:
            if self._kept.get(key) is ticket:
                del self._kept[key]


def login_key(*parts: str) -> bytes:
    """What tells one login from another, without holding its password."""
    return hashlib.sha256("\0".join(parts).encode()).digest()
