"""Letting providers go whose settings have changed, without cutting off what is on its way by them."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from typing import Final

from push.channels.providers import Provider, ProviderChannel
from push.dispatch import Channel

WITHIN_S: Final = 10.0
"""Longer than the dispatcher waits for an answer."""


def retire(provider: Provider, channels: Iterable[Channel]) -> Coroutine[None, None, None]:
    """Begin nothing more with it from here on; what is to be awaited closes its connections when its calls have ended."""
    by = [one for one in channels if isinstance(one, ProviderChannel)]
    for one in by:
        one.retire(provider)
    return _ended(provider, by)


async def _ended(provider: Provider, channels: Iterable[ProviderChannel]) -> None:
    """A call that should have ended by then is cut off with the connection."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            for one in channels:
                await one.ended(provider)
    await close(provider)


async def close(provider: Provider) -> None:
    """Let its connections go, where it has any."""
    end = getattr(provider.sender, "close", None)
    if end is not None:
        await end()
