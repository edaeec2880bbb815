"""What providers tell over connections: written to the end, also when nobody waits for it any more."""

import asyncio
import contextlib

import psycopg

from district.channels.kinds.kind import Reply
from district.database import new_id
from district.deliveries.keeping import Keeper
from district.settings import Settings
from tests.conftest import dsn
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%channel_provider%%'
"""


async def test_connections_are_closed_only_when_nobody_writes_any_more(
    ground: Ground, settings: Settings
) -> None:
    keeper = Keeper(settings=settings, clock=ground.clock)
    assert settings.database_url is not None
    async with await psycopg.AsyncConnection.connect(dsn(settings.database_url)) as holder:
        await holder.execute("LOCK TABLE channel_provider IN ACCESS EXCLUSIVE MODE")
        writing = asyncio.create_task(keeper.keep(ground.info, new_id(), Reply()))

        async def waits() -> bool:
            return await ground.number(WAITING) == 1

        await until(waits)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        closing = asyncio.create_task(keeper.close())
        done, _ = await asyncio.wait([closing], timeout=0.2)
        assert not done
        await holder.rollback()
    await closing
    assert keeper._engine is not None
    assert keeper._engine.pool.status().endswith("Current Checked out connections: 0")
