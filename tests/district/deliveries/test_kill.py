"""Dispatchers that are killed with -9 in the middle of their work: every offer arrives, and none twice."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

ROOT = Path(__file__).resolve().parents[3]
ARRIVED = "SELECT count(*) FROM inbox_item WHERE district_id = %(d)s"
WAITING = "SELECT count(*) FROM outbox_message WHERE district_id = %(d)s AND finished_at IS NULL"
END_LEASES = "UPDATE outbox_message SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL"
PARTS = (100, 60, 40)
"""Offers that are issued before each dispatcher: the ones that are killed have all of theirs told, or leave some."""


@asynccontextmanager
async def dispatching(database_url: str) -> AsyncIterator[None]:
    """A dispatcher of its own process, killed at the end."""
    script = str(Path(__file__).with_name("worker_process.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, database_url, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_every_offer_arrives_once_though_its_dispatchers_are_killed(
    ground: Ground, database_url: str
) -> None:
    campaign = ground.campaign()
    late = ground.clock.now() + timedelta(days=3650)

    async def issue(count: int) -> None:
        members = [ground.member() for _ in range(count)]
        await ground.issue(*(ground.draft(campaign, one, send_before=late) for one in members))

    *killed, last = PARTS
    seen = 0
    for part in killed:
        await issue(part)

        async def has_moved(before: int = seen) -> bool:
            return await ground.number(ARRIVED) > before

        async with dispatching(database_url):
            await until(has_moved)
        seen = await ground.number(ARRIVED)
        async with ground.pool.connection() as connection:
            await connection.execute(END_LEASES)  # what the dead one held: as if half a minute had passed
    await issue(last)

    async def is_done() -> bool:
        return await ground.number(WAITING) == 0

    async with dispatching(database_url):
        await until(is_done)
    each = await ground.rows("SELECT count(*) FROM inbox_item WHERE district_id = %(d)s GROUP BY offer_id")
    assert [row[0] for row in each] == [1] * sum(PARTS)
