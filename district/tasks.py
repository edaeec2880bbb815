"""Ending tasks for certain."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

AGAIN_AFTER_S = 1.0
P = ParamSpec("P")
T = TypeVar("T")


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until each is over.

    A task whose wait ended just as it was cancelled can miss that (cpython#86296: ``asyncio.wait_for`` before 3.12), so it
    is told again.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_AFTER_S)


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The same as ``asyncio.to_thread``, but who is cancelled waits until the thread is through.

    A thread cannot be stopped: connections that it uses must not be closed under its hands.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        while not thread.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([thread])
        thread.exception()  # seen, though nobody is there to hear it
        raise
