"""The worker role sends what is issued, and ends when it is told to."""

import asyncio
import contextlib

from district import worker
from district.settings import Settings
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

ARRIVED = "SELECT count(*) FROM inbox_item WHERE district_id = %(d)s"


async def test_a_running_worker_delivers_and_stops_when_cancelled(ground: Ground, settings: Settings) -> None:
    campaign, member = ground.campaign(), ground.member()
    role = asyncio.create_task(worker.run(settings, ground.clock, jobs=()))
    await ground.issue(ground.draft(campaign, member))

    async def has_arrived() -> bool:
        return await ground.number(ARRIVED) == 1

    await until(has_arrived)
    role.cancel()
    async with asyncio.timeout(90):
        with contextlib.suppress(asyncio.CancelledError):
            await role
    assert role.cancelled()
