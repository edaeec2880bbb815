"""A worker as a process of its own, to be killed: ``python worker_process.py DATABASE_URL SECRET BUSINESS_TIME``."""

import asyncio
import sys
from datetime import datetime

from pydantic import SecretStr

from district.clock import FixedClock
from district.database import make_pool
from district.deliveries.jobs import Deliveries
from district.districts import service as districts
from district.settings import Settings
from push.dispatch import DispatchPolicy


async def main(url: str, secret: str, now: str) -> None:
    """Send until killed."""
    pool = make_pool(url, size=4)
    await pool.open()
    registry = districts.registry(pool)
    await registry.refresh()
    settings = Settings(database_url=url, secret=SecretStr(secret), provider_allow_loopback=True)
    clock = FixedClock(datetime.fromisoformat(now))
    await Deliveries(
        pool=pool,
        registry=registry,
        settings=settings,
        clock=clock,
        policy=DispatchPolicy(in_flight=4),
    ).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
