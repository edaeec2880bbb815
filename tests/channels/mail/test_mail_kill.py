"""Workers that are killed with -9 while they send e-mail, two at a time: nobody gets an offer twice."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from push.consent import Channel
from tests.channels.mail.accounts import account
from tests.channels.mail.conftest import INSTALLATION_SECRET
from tests.channels.mail.sink import Sink, sink
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

ROOT = Path(__file__).resolve().parents[3]
WORKER = ROOT / "tests/channels/texts/worker_process.py"
END_LEASES = "UPDATE outbox_message SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL"
WAITING = "SELECT count(*) FROM outbox_message WHERE district_id = %(d)s AND finished_at IS NULL"
STATES = "SELECT state, count(*) FROM outbox_message WHERE district_id = %(d)s AND channel = 'email' GROUP BY state"
OFFERS, KILLS, WORKERS, IN_FLIGHT = 40, 1, 2, 4


@asynccontextmanager
async def working(database_url: str, ground: Ground) -> AsyncIterator[None]:
    """Two workers, each a process of its own, killed at the end."""
    given = (str(WORKER), database_url, INSTALLATION_SECRET, ground.clock.now().isoformat())
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, *given, cwd=ROOT, env=environment)
        for _ in range(WORKERS)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in processes))


async def test_no_offer_is_mailed_twice_though_its_workers_are_killed(
    desk: Desk, ground: Ground, database_url: str
) -> None:
    async with sink() as server:
        server.answers_after_s = 0.05
        await account(desk, server.port)
        campaign = ground.campaign()
        late = ground.clock.now() + timedelta(days=365)
        members = [ground.member(email=f"member{place}@example.org") for place in range(OFFERS)]
        await ground.issue(
            *(ground.draft(campaign, one, send_before=late, channels=(Channel.EMAIL,)) for one in members)
        )
        for least in range(10, 10 * KILLS + 1, 10):

            def is_amid(one: Sink, least: int = least) -> bool:
                return len(one.taken) >= least

            async with working(database_url, ground):
                await server.until(is_amid)
            async with ground.pool.connection() as connection:
                await connection.execute(END_LEASES)  # as if half a minute had passed

        async def is_done() -> bool:
            return await ground.number(WAITING) == 0

        async with working(database_url, ground):
            await until(is_done)
        each = Counter(one.recipient for one in server.taken)
        states = dict(await ground.rows(STATES))
    assert max(each.values()) == 1
    assert set(states) <= {"accepted", "unknown"}
    assert sum(states.values()) == OFFERS
    assert states["accepted"] <= len(each)
    assert OFFERS - len(each) <= states.get("unknown", 0) <= KILLS * WORKERS * IN_FLIGHT
