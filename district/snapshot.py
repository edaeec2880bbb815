"""Read-only copies of small tables, kept in memory: refreshed on a notice and by polling, used stale when the database is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from district.database import psycopg_dsn

T = TypeVar("T")
log = structlog.get_logger()
RECONNECT_S = 1.0


class Snapshot(Generic[T]):
    """One value that a loader reads whole. Readers take ``value``; it is swapped, never changed in place."""

    def __init__(
        self,
        load: Callable[[], Awaitable[T]],
        *,
        empty: T,
        channels: tuple[str, ...] = (),
        polls_skipped: int = 0,
    ) -> None:
        """``polls_skipped`` is for what costs more to read: it is polled more seldom, notices are heard at once."""
        self._load = load
        self._polls_skipped = polls_skipped
        self.value = empty
        self.channels = channels
        self.loaded = False
        self.stale = asyncio.Event()

    async def refresh(self) -> bool:
        """Read again; keep the old value when the database does not answer. True when it was read."""
        try:
            self.value = await self._load()
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("snapshot.stale", error=type(error).__name__)
            return False
        self.loaded = True
        return True

    async def keep(self, poll: timedelta) -> None:
        """Refresh for ever: at each notice, and at least every ``poll``."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll.total_seconds() * (1 + self._polls_skipped)):
                    await self.stale.wait()
            self.stale.clear()
            await self.refresh()


async def listen(url: str, snapshots: list[Snapshot[Any]]) -> None:
    """Mark snapshots stale when PostgreSQL notifies one of their channels; reconnects for ever."""
    channels = sorted({channel for snapshot in snapshots for channel in snapshot.channels})
    while True:
        try:
            await _listen_once(url, channels, snapshots)
        except (psycopg.Error, OSError):
            await asyncio.sleep(RECONNECT_S)


async def _listen_once(url: str, channels: list[str], snapshots: list[Snapshot[Any]]) -> None:
    async with await psycopg.AsyncConnection.connect(
        psycopg_dsn(url), autocommit=True, connect_timeout=3
    ) as connection:
        for channel in channels:
            await connection.execute(f'LISTEN "{channel}"')
        for snapshot in snapshots:
            snapshot.stale.set()  # whatever changed while nobody listened
        async for notice in connection.notifies():
            for snapshot in snapshots:
                if notice.channel in snapshot.channels:
                    snapshot.stale.set()


async def notices(url: str, channels: tuple[str, ...]) -> AsyncIterator[tuple[str, str]]:
    """The (channel, payload) of every notice, for ever; ("", "") whenever some may have been missed."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                psycopg_dsn(url), autocommit=True, connect_timeout=3
            ) as connection:
                for channel in channels:
                    await connection.execute(f'LISTEN "{channel}"')
                yield "", ""
                async for notice in connection.notifies():
                    yield notice.channel, notice.payload
        except (psycopg.Error, OSError):
            await asyncio.sleep(RECONNECT_S)
