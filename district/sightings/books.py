"""The device books of many districts, kept fresh: by notices of single members, and by polling behind them."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import psycopg
import structlog

from district.clock import Clock
from district.database import Pool
from district.districts.service import DistrictInfo
from district.sightings.batch import pseudonyms
from district.sightings.people import DeviceBook
from district.snapshot import notices

MEMBER_CHANNEL = "member_changed"
log = structlog.get_logger()
Heard = Callable[[uuid.UUID, uuid.UUID | None], Awaitable[None]]


class DeviceBooks:
    """One book a district, of those that ``wanted`` gives."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self.wanted: Callable[[], Mapping[uuid.UUID, DistrictInfo]] = dict
        self._books: dict[uuid.UUID, DeviceBook] = {}
        self.loaded = asyncio.Event()
        """Set once every wanted book has been read."""
        self.listeners: list[Heard] = []
        """Told of each changed member after the book has it."""

    def find(self, district_id: uuid.UUID, devices: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """(n,) devices → (n,) members as 16 bytes, zeros for nobody known."""
        book = self._books.get(district_id)
        return book.find(devices) if book else pseudonyms(bytes(16 * len(devices)))

    async def refresh(self) -> None:
        """Take in new districts, salts and devices. Raises: psycopg.Error."""
        wanted = dict(self.wanted())
        for district_id in [one for one in self._books if one not in wanted]:
            del self._books[district_id]
        for district_id, info in wanted.items():
            await self.refresh_one(district_id, info)
        self.loaded.set()

    async def refresh_one(self, district_id: uuid.UUID, info: DistrictInfo) -> None:
        """The same for one district. Raises: psycopg.Error."""
        book = self._books.setdefault(district_id, DeviceBook(info))
        async with self._pool.connection() as connection:
            await book.refresh(connection, now=self._clock.now())

    async def learn(self, district_id: uuid.UUID, member_id: uuid.UUID) -> None:
        """Read one member's devices again. Raises: psycopg.Error."""
        book = self._books.get(district_id)
        if book is not None:
            async with self._pool.connection() as connection:
                await book.learn(connection, [member_id])

    async def keep(self, poll: timedelta) -> None:
        """Refresh for ever."""
        while True:
            await tried(self.refresh())
            await asyncio.sleep(poll.total_seconds())

    async def hear(self, url: str) -> None:
        """Follow the notices of changed members for ever."""
        async for _, payload in notices(url, (MEMBER_CHANNEL,)):
            for district_id, member_id in named(payload):
                if member_id is not None:
                    await tried(self.learn(district_id, member_id))
                for tell in self.listeners:
                    await tell(district_id, member_id)


def named(payload: str) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    """The district and member of a notice ("district:member" or "district"); empty for anything else."""
    try:
        ids = [uuid.UUID(part) for part in payload.split(":")] if payload else []
    except ValueError:
        return []
    return [(ids[0], ids[1] if len(ids) > 1 else None)] if ids else []


async def tried(work: Awaitable[None]) -> bool:
    """Do what polling will do again if the database does not answer now."""
    try:
        await work
    except (psycopg.Error, OSError, TimeoutError) as error:
        log.warning("device_book.stale", error=type(error).__name__)
        return False
    return True
