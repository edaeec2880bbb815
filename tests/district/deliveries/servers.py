"""Real sockets, and waiting for a condition."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

LONGEST_S = 90


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds; fails when it never does."""
    async with asyncio.timeout(LONGEST_S):
        while not await holds():  # noqa: ASYNC110 rows and servers offer no event to wait for
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served(app: Any, *, port: int = 0) -> AsyncIterator[str]:
    """An ASGI application behind a real socket; its address."""
    config = uvicorn.Config(app, port=port, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started

    await until(has_started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task
