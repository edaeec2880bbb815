"""A dispatcher as a process of its own, to be killed: ``python worker_process.py DATABASE_URL``."""

import asyncio
import sys

from district.clock import SystemClock
from district.database import make_pool
from district.deliveries.jobs import Deliveries
from district.districts import service as districts
from district.settings import Settings


async def main(url: str) -> None:
    """Send until killed."""
    pool = make_pool(url, size=4)
    await pool.open()
    registry = districts.registry(pool)
    await registry.refresh()
    settings = Settings(database_url=url)
    await Deliveries(pool=pool, registry=registry, settings=settings, clock=SystemClock()).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
