"""The last question before a message leaves: may it still?

A worker can be stopped between any two of its steps, for a second or for an hour, while an offer's time ends, quiet hours
begin or its member says no. So whoever writes to a foreign server asks here right before the first byte that counts.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from push.errors import PushError

Ask: TypeAlias = Callable[[], Awaitable[None]]


class NotLeaving(PushError):
    """What held when the message was looked at holds no more; nothing of it has left."""


_ask: ContextVar[Ask | None] = ContextVar("ask", default=None)


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """Within this block ``confirm`` asks so."""
    token = _ask.set(ask)
    try:
        yield
    finally:
        _ask.reset(token)


async def confirm() -> None:
    """Return at once where nothing has changed; nothing stands between this and the caller's next step.

    Raises: NotLeaving, which a sender lets pass.
    """
    ask = _ask.get()
    if ask is not None:
        await ask()
