"""The application in a real server, for tests with a browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

STARTS_WITHIN_S = 150
STOPS_WITHIN_S = 60


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The address of a server that runs the application in a thread of its own."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=2)
    )
    started = threading.Event()
    startup = server.startup

    async def tell(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = tell  # type: ignore[method-assign]  # uvicorn has no hook for this
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(STARTS_WITHIN_S)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(STOPS_WITHIN_S)
