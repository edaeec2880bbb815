"""Read-only copies of small tables, kept in memory: refreshed on a notice and by polling, used stale when the database is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from district.database import psycopg_dsn
from district.problems import Unavailable

T = TypeVar("T")
log = structlog.get_logger()
RECONNECT_S = 1.0
RETRY_S = 1.0


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
        self._one_at_a_time = asyncio.Lock()
        self._is_failing = False
        self.value = empty
        self.channels = channels
        self.loaded = False
        self.stale = asyncio.Event()

    def read(self) -> T:
        """The value. Raises: Unavailable when it was never read: empty is then not the truth."""
        if not self.loaded:
            raise Unavailable("The server is still starting, or the database is away.")
        return self.value

    async def refresh(self) -> bool:
        """Read again; keep the old value when that fails. True when it was read.

        Readings follow each other, so that a slow old one never replaces a newer one.
        """
        async with self._one_at_a_time:
            try:
                self.value = await self._load()
            except Exception as error:  # whatever is wrong with one row must not end the refreshing
                self._say_failing(error)
                return False
            if self._is_failing:
                log.info("snapshot.fresh", channels=",".join(self.channels))
            self.loaded, self._is_failing = True, False
            return True

    def _say_failing(self, error: Exception) -> None:
        if not self._is_failing:
            log.warning("snapshot.stale", channels=",".join(self.channels), exc_info=error)
        self._is_failing = True

    async def keep(self, poll: timedelta) -> None:
        """Refresh for ever: at each notice, at least every ``poll``, and soon again after a failure."""
        wait_s = poll.total_seconds() * (1 + self._polls_skipped)
        while True:
            if self._is_failing:
                await asyncio.sleep(min(wait_s, RETRY_S))
            else:
                await self._wait(wait_s)
            self.stale.clear()
            await self.refresh()

    async def _wait(self, longest_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self.stale.wait()


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
