"""Access tokens of accounts whose servers know only the newest one: shared by all workers, renewed by one of them.

Source: developers.weixin.qq.com, "getStableAccessToken" (one token an account, at most 7,200 s, renewed five minutes
early, forced renewals 20 a day and 30 s apart); developer.work.weixin.qq.com/document/path/91039.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from push.errors import PushError
from push.receipts import Failure, FailureKind

MARGIN: Final = timedelta(seconds=60)
"""A token is not used in its last minute."""
CLAIM: Final = timedelta(seconds=10)
"""So long one worker alone asks for a new token."""
PATIENCE_S: Final = 7.0
LOOK_EVERY_S: Final = 0.1


class ShelfAway(PushError):
    """What is shared between workers cannot be reached; nothing was sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A token as its server gave it."""

    value: str = field(repr=False)
    lasts: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A token as it stands on the shelf. version grows with each one; an empty value is none."""

    version: int
    value: str = field(default="", repr=False)
    lasts: timedelta = timedelta(0)


class TokenShelf(Protocol):
    """Where the workers of all processes find one account's token. Every method may raise ShelfAway."""

    async def read(self) -> Kept:
        """What is there; version 0 where nothing was ever kept."""
        ...

    async def claim(self, version: int, *, lasts: timedelta) -> bool:
        """Whether this worker alone may replace that version, for so long."""
        ...

    async def keep(self, version: int, issued: Issued) -> None:
        """Replace that version, which this worker has claimed."""
        ...

    async def let_go(self, version: int) -> None:
        """Give a claim back without a new token."""
        ...


@dataclass(slots=True)
class MemoryShelf:
    """For one process alone."""

    _version: int = 0
    _issued: Issued | None = None
    _ends_at_s: float = 0.0
    _is_claimed: bool = False

    async def read(self) -> Kept:
        if self._issued is None:
            return Kept(version=self._version)
        lasts = timedelta(seconds=self._ends_at_s - asyncio.get_running_loop().time())
        return Kept(version=self._version, value=self._issued.value, lasts=lasts)

    async def claim(self, version: int, *, lasts: timedelta) -> bool:
        if self._is_claimed or version != self._version or lasts <= timedelta(0):
            return False
        self._is_claimed = True
        return True

    async def keep(self, version: int, issued: Issued) -> None:
        self._version, self._issued, self._is_claimed = version + 1, issued, False
        self._ends_at_s = asyncio.get_running_loop().time() + issued.lasts.total_seconds()

    async def let_go(self, version: int) -> None:
        self._is_claimed = self._is_claimed and version != self._version


Ask: TypeAlias = Callable[[bool], Awaitable[Issued | Failure]]
"""Asks the server for a token; with True for one that ends the one before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A token in use, until ends_at_s of machine time."""

    version: int
    value: str = field(repr=False)
    ends_at_s: float


@dataclass(slots=True, kw_only=True)
class SharedToken:
    """One account's token, as one process uses it. ask calls the server; a failure of it took no message."""

    shelf: TokenShelf
    ask: Ask
    monotonic: Callable[[], float]
    _held: Held | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self) -> Held | Failure:
        """A token that is good by its time. Raises: ShelfAway."""
        held = self._held
        if held is not None and self.monotonic() < held.ends_at_s:
            return held
        return await self._found(rejected=None)

    async def after(self, rejected: Held) -> Held | Failure:
        """A newer token than one that the server refused: another worker's, or one asked for now. Raises: ShelfAway."""
        held = self._held
        if held is not None and held.version > rejected.version:
            return held
        return await self._found(rejected=rejected)

    async def _found(self, *, rejected: Held | None) -> Held | Failure:
        async with self._one_at_a_time:
            until_s = self.monotonic() + PATIENCE_S
            while self.monotonic() < until_s:
                kept = await self.shelf.read()
                if self._is_good(kept, rejected):
                    return self._take(kept)
                if await self.shelf.claim(kept.version, lasts=CLAIM):
                    return await self._renew(kept, rejected)
                await asyncio.sleep(LOOK_EVERY_S)  # another worker asks: its token appears on the shelf
        return Failure(kind=FailureKind.TRANSIENT, detail="no access token in time")

    def _is_good(self, kept: Kept, rejected: Held | None) -> bool:
        is_newer = rejected is None or kept.version > rejected.version
        return bool(kept.value) and kept.lasts > MARGIN and is_newer

    def _take(self, kept: Kept) -> Held:
        ends_at_s = self.monotonic() + (kept.lasts - MARGIN).total_seconds()
        self._held = Held(version=kept.version, value=kept.value, ends_at_s=ends_at_s)
        return self._held

    async def _renew(self, before: Kept, rejected: Held | None) -> Held | Failure:
        """Ask, as the one who may. The ordinary answer may be the very token that was refused: then it is forced."""
        issued: Issued | Failure | None = None
        try:
            issued = await self.ask(False)
            if rejected is not None and isinstance(issued, Issued) and issued.value == rejected.value:
                issued = await self.ask(True)
            if isinstance(issued, Issued):
                await self.shelf.keep(before.version, issued)
        finally:
            if not isinstance(issued, Issued):
                await self.shelf.let_go(before.version)
        if isinstance(issued, Failure):
            return issued
        return self._take(Kept(version=before.version + 1, value=issued.value, lasts=issued.lasts))
