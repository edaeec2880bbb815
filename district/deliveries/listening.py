"""Connections by which providers tell things: open as long as the worker runs, whether anything is sent or not."""

import asyncio
import contextlib
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from district.channels.kinds import KINDS
from district.database import Pool
from district.deliveries.fleet import Fleet
from district.districts.service import Registry
from district.snapshot import Snapshot

log = structlog.get_logger()
AGAIN_AFTER_S: Final = 2.0
DISTRICTS_SQL: Final = """
SELECT DISTINCT district_id FROM channel_provider WHERE is_on AND kind = ANY(%(kinds)s::text[])
"""


async def listen(fleet: Fleet, pool: Pool, registry: Snapshot[Registry], stopping: asyncio.Event) -> None:
    """Open what is closed, and see what rests no more, every few seconds, until told to stop.

    A database that is away is waited for.
    """
    while not stopping.is_set():
        try:
            await open_all(fleet, pool, registry)
        except (psycopg.Error, PoolTimeout, OSError) as error:
            log.warning("listening.database_away", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), AGAIN_AFTER_S)


async def open_all(fleet: Fleet, pool: Pool, registry: Snapshot[Registry]) -> None:
    """Have the connections of every district open. Raises: psycopg.Error."""
    kinds = sorted(name for name, kind in KINDS.items() if kind.listens)
    async with pool.connection() as connection:
        cursor = await connection.execute(DISTRICTS_SQL, {"kinds": kinds})
        found = [registry.value.by_id.get(row[0]) for row in await cursor.fetchall()]
    await asyncio.gather(*(fleet.listen(district) for district in found if district is not None))
    await fleet.look_again()
