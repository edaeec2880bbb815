"""Calls to a provider of messages from a request, outside any transaction: few at once, bounded in time."""

import threading
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Final, TypeVar

import anyio.from_thread
from fastapi import Request
from pydantic import ValidationError

from district.channels.kinds import KINDS
from district.channels.kinds.kind import Building
from district.channels.models import ChannelProvider
from district.channels.shelves import shared
from district.clock import Clock
from district.deliveries.building import building_of
from district.deliveries.channels import provider_policy_of
from district.districts.service import DistrictInfo
from district.problems import NotAllowed, Unavailable
from district.sealing import SealBroken
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.wechat_login import LoginRefused, LoginUnavailable

MOST_AT_ONCE: Final = 8
LONGEST_WAIT_S: Final = 2.0
RETRY_AFTER_S: Final = 10
T = TypeVar("T")
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
"""A provider that hangs must not hold every thread of the process."""


class AccountRefused(NotAllowed):
    """A code that proves nothing."""

    slug, title = "account-refused", "The account was not proved"


def building(
    request: Request, district: DistrictInfo, provider: ChannelProvider, outbound: Outbound, clock: Clock
) -> Building:
    """What the provider's kind works with, in a request. Raises: Unavailable."""
    settings = request.app.state.settings
    secret = settings.secret.get_secret_value() if settings.secret else ""
    try:
        made = building_of(settings, district, provider, clock=clock, outbound=outbound)
    except (SealBroken, ValidationError) as error:
        raise Unavailable(
            "The provider's credentials cannot be opened: its operator enters them anew."
        ) from error
    return shared(made, request.app.state.pool, district, secret=secret)


def call(
    request: Request,
    district: DistrictInfo,
    provider: ChannelProvider,
    ask: Callable[[Building], Awaitable[T]],
    *,
    clock: Clock,
) -> T:
    """Ask the provider from a route's thread. Raises: Unavailable, and what the call raises."""

    async def asked() -> T:
        outbound = Outbound(policy=provider_policy_of(request.app.state.settings))
        try:
            return await ask(building(request, district, provider, outbound, clock))
        finally:
            await outbound.close()

    if not _places.acquire(timeout=LONGEST_WAIT_S):
        raise _unavailable()
    try:
        return anyio.from_thread.run(asked)
    finally:
        _places.release()


@lru_cache(maxsize=1)
def unused_outbound() -> Outbound:
    """For what calls nobody."""
    return Outbound(policy=OutboundPolicy())


def identify(
    request: Request, district: DistrictInfo, provider: ChannelProvider, code: str, *, clock: Clock
) -> str:
    """Whose code it is, by the provider's own word. Raises: AccountRefused, Unavailable."""
    login = KINDS[provider.kind].login
    assert login is not None  # noqa: S101 accounts.provider_of looked
    try:
        return call(request, district, provider, lambda made: login.identify(made, code), clock=clock)
    except LoginRefused as refused:
        raise AccountRefused(
            f"{refused} Ask for a new one and try again.", detail_zh="授权码无效或已使用，请重新获取后再试。"
        ) from refused
    except LoginUnavailable as error:
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable(
        "The provider does not answer. Try again in a moment.",
        retry_after_s=RETRY_AFTER_S,
        detail_zh="服务商暂时没有响应，请稍后再试。",
    )
