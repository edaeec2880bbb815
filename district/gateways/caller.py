"""Calls to a vendor's server: only where the operator said, bounded in time and bytes, never redirected."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx
import msgspec

from district.gateways.outward import (
    AddressRule,
    BoundedNetwork,
    ControllerUnavailable,
    Deadline,
    Resolve,
    resolve,
    tls_context,
)
from district.gateways.redirects import PRIVATE_NETWORKS
from district.problems import DistrictError

__all__ = ["Answered", "CallPolicy", "Caller", "ControllerRefused", "ControllerUnavailable"]

DEADLINE_S = 8.0
MAX_ANSWER_BYTES = 512 * 1024
MAX_COOKIES = 20
MAX_COOKIE_LETTERS = 4_096
MAX_SHOWN = 200


class ControllerRefused(DistrictError):
    """The vendor's server said no; the detail is its reason, for the operator."""

    status, slug, title = HTTPStatus.BAD_GATEWAY, "gateway-refused", "The gateway did not accept this"


@dataclass(frozen=True, kw_only=True)
class CallPolicy:
    """The one server that is called, and how it is known to be the right one."""

    origin: str
    """``https://host:port``; http to this machine only."""
    networks: tuple[str, ...] = PRIVATE_NETWORKS
    """Private networks that it may be in."""
    allows_loopback: bool = False
    ca_certificate: str = ""
    certificate_sha256: str = ""
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a server said."""

    status: int
    headers: httpx.Headers
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises: ControllerUnavailable."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ControllerUnavailable(
                f"The gateway's server answered {self.status} with something that is not JSON."
            ) from error

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises: ControllerUnavailable."""
        found = self.json()
        if not isinstance(found, dict):
            raise ControllerUnavailable(
                f"The gateway's server answered {self.status} with JSON of another form."
            )
        return found


def shown(value: object) -> str:
    """A server's own words, for the operator: short and printable, whatever they were."""
    return "".join(letter for letter in str(value)[: 2 * MAX_SHOWN] if letter.isprintable())[:MAX_SHOWN]


class Caller:
    """One conversation with one server: keeps its cookies, and ends in time as a whole."""

    def __init__(self, policy: CallPolicy, *, resolve: Resolve = resolve) -> None:
        self.policy = policy
        parts = urlsplit(policy.origin)
        self._scheme, self._host, self._authority = parts.scheme, parts.hostname or "", parts.netloc
        self._port = parts.port
        self._deadline = Deadline(ends_at=time.monotonic() + policy.deadline_s)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_context(policy),
            network_backend=BoundedNetwork(
                rule=AddressRule(networks=policy.networks, allows_loopback=policy.allows_loopback),
                deadline=self._deadline,
                is_plain=self._scheme == "http",
                resolve=resolve,
            ),
        )
        self.cookies: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Call a path of the server once. Raises: ControllerUnavailable, also for a redirect."""
        content = msgspec.json.encode(json) if json is not None else body
        try:
            with self._pool.stream(
                method, self._url(path), headers=self._headers(json is not None, headers), content=content
            ) as response:
                answer = Answered(
                    status=response.status, headers=httpx.Headers(response.headers), body=self._read(response)
                )
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise ControllerUnavailable(_why(error)) from error
        if answer.status in range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST):
            raise ControllerUnavailable(
                f"The gateway's server answered {answer.status}, a redirect: check controller_url."
            )
        self._keep_cookies(answer.headers)
        return answer

    def left_s(self) -> float:
        """Seconds until the conversation is over. Raises: ControllerUnavailable when it is."""
        return self._deadline.left_s()

    def pause(self, seconds: float) -> bool:
        """Wait, unless the conversation would be over by then; whether it was worth it."""
        if self._deadline.ends_at - time.monotonic() <= seconds:
            return False
        time.sleep(seconds)
        return True

    def _url(self, path: str) -> httpcore.URL:
        if not path.startswith("/") or not path.isascii() or any(letter <= " " for letter in path):
            raise ValueError("a path of the server, percent-encoded")
        return httpcore.URL(scheme=self._scheme, host=self._host, port=self._port, target=path)

    def _headers(
        self, is_json: bool, given: Mapping[str, str] | None
    ) -> list[tuple[bytes | str, bytes | str]]:
        sent = {"Host": self._authority, "Accept": "application/json", "Accept-Encoding": "identity"}
        if is_json:
            sent["Content-Type"] = "application/json"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return [(name, value) for name, value in (sent | dict(given or {})).items()]

    def _read(self, response: httpcore.Response) -> bytes:
        read = bytearray()
        for part in response.iter_stream():
            read += part
            if len(read) > MAX_ANSWER_BYTES:
                raise ControllerUnavailable("The gateway's server answered too much.")
        return bytes(read)

    def _keep_cookies(self, headers: httpx.Headers) -> None:
        for line in headers.get_list("set-cookie"):
            try:
                found = SimpleCookie(line[:MAX_COOKIE_LETTERS])
            except CookieError:
                continue
            for name, cookie in found.items():
                if cookie["max-age"] == "0" or not cookie.value:
                    self.cookies.pop(name, None)
                elif len(self.cookies) < MAX_COOKIES or name in self.cookies:
                    self.cookies[name] = cookie.coded_value


def _context(policy: CallPolicy) -> ssl.SSLContext:
    try:
        return tls_context(ca_certificate=policy.ca_certificate, certificate_sha256=policy.certificate_sha256)
    except (ssl.SSLError, ValueError) as error:
        raise ControllerUnavailable("The gateway server's certificate option is no certificate.") from error


def _why(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"The gateway's server shows a certificate that is not trusted ({shown(cause)}): "
                "give ca_certificate or certificate_sha256."
            )
        cause = cause.__cause__ or cause.__context__
    return f"The gateway's server cannot be reached ({type(error).__name__})."
