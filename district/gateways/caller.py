"""Calls to a vendor's server: only where the operator said, bounded in time and bytes, never redirected."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from district.problems import DistrictError

DEADLINE_S = 8.0
MAX_ANSWER_BYTES = 512 * 1024


class ControllerRefused(DistrictError):
    """The vendor's server said no; the detail is its reason, for the operator."""

    status, slug, title = HTTPStatus.BAD_GATEWAY, "gateway-refused", "The gateway did not accept this"


class ControllerUnavailable(DistrictError):
    """The vendor's server cannot be reached, is too slow, or answers what nobody can read."""

    status, slug = HTTPStatus.SERVICE_UNAVAILABLE, "gateway-unavailable"
    title = "The gateway cannot be reached"


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
        except msgspec.DecodeError as error:
            raise ControllerUnavailable(
                f"The gateway's server answered {self.status} with something that is not JSON."
            ) from error


class Caller:
    """One conversation with one server: keeps its cookies, and ends in time as a whole."""

    def __init__(self, *, deadline_s: float = DEADLINE_S, verify: bool = True) -> None:
        self._ends_at = time.monotonic() + deadline_s
        self._client = httpx.Client(verify=verify, follow_redirects=False, trust_env=False)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Call once. Raises: ControllerUnavailable."""
        content = msgspec.json.encode(json) if json is not None else body
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            with self._client.stream(
                method, url, content=content, headers=sent, timeout=self._left_s()
            ) as response:
                return Answered(
                    status=response.status_code, headers=response.headers, body=self._read(response)
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ControllerUnavailable(
                f"The gateway's server cannot be reached ({type(error).__name__})."
            ) from error

    def _left_s(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise ControllerUnavailable("The gateway's server took too long.")
        return left

    def _read(self, response: httpx.Response) -> bytes:
        read = bytearray()
        for part in response.iter_raw():
            read += part
            self._left_s()
            if len(read) > MAX_ANSWER_BYTES:
                raise ControllerUnavailable("The gateway's server answered too much.")
        return bytes(read)
