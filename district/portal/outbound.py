"""Calls to providers: only where webhooks may go, bounded in time and bytes, never redirected."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio.from_thread
import httpx
import msgspec

from district.problems import Unavailable
from district.settings import Settings
from push.channels.outbound import HostUnknown, Outbound, OutboundPolicy, Target, TargetRefused

MAX_ANSWER_BYTES = 256 * 1024
MOST_AT_ONCE = 8
LONGEST_WAIT_S = 2.0
T = TypeVar("T")
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
"""A provider that hangs must not hold every thread of the process: others sign in another way meanwhile."""


class ProviderUnavailable(Unavailable):
    """The provider cannot be reached, is too slow, or answers what nobody can read; the text is for a shopper."""

    slug, title = "provider-unavailable", "The provider of this account does not answer"


def unavailable(reason: str) -> ProviderUnavailable:
    """The error, with its reason for the operator's log."""
    return ProviderUnavailable(
        "The provider of this account does not answer. Try again, or choose another way to sign in.",
        retry_after_s=30,
        detail_zh="该账号的服务商暂时没有响应，请重试或换一种方式登录。",
        reason=reason,
    )


def ask(function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Call a provider from a route's thread, a few at a time. Raises: ProviderUnavailable, and what the call raises."""
    if not _places.acquire(timeout=LONGEST_WAIT_S):
        raise unavailable("too many at once")
    try:
        return anyio.from_thread.run(function)
    finally:
        _places.release()


def policy_of(settings: Settings) -> OutboundPolicy:
    """Public hosts by https; in tests and closed networks this machine, too."""
    return OutboundPolicy(allows_loopback=settings.webhook_allow_private)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to a provider."""

    url: str
    form: Mapping[str, str] | None = None
    """Sent by POST; without one it is a GET."""
    headers: Mapping[str, str] | None = None


async def answer_of(call: Call, policy: OutboundPolicy) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object of an answer. Raises: ProviderUnavailable."""
    outbound = Outbound(policy=policy)
    try:
        async with asyncio.timeout(policy.deadline.total_seconds()):
            target = await outbound.target(call.url)
            status, body = await _exchange(call, target, policy)
    except (TargetRefused, HostUnknown, TimeoutError, httpx.HTTPError) as error:
        raise unavailable(type(error).__name__) from error
    finally:
        await outbound.close()
    try:
        return status, msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise unavailable(f"{status} without JSON") from error


async def _exchange(call: Call, target: Target, policy: OutboundPolicy) -> tuple[int, bytes]:
    client = httpx.AsyncClient(
        verify=policy.trust or True,
        follow_redirects=False,
        trust_env=False,
        timeout=policy.deadline.total_seconds(),
    )
    async with client:
        request = client.build_request(
            "GET" if call.form is None else "POST",
            target.pinned_url,
            data=dict(call.form) if call.form is not None else None,
            headers={
                **(call.headers or {}),
                "Host": target.host_header,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            # The certificate must be the name's, not the address's.
            extensions={"sni_hostname": target.url.raw_host.decode("ascii")},
        )
        response = await client.send(request, stream=True)
        try:
            return response.status_code, await _bounded(response)
        finally:
            await response.aclose()


async def _bounded(response: httpx.Response) -> bytes:
    read = bytearray()
    async for part in response.aiter_raw():
        read += part
        if len(read) > MAX_ANSWER_BYTES:
            raise unavailable("too long an answer")
    return bytes(read)
