"""Workers that are killed with -9 while they text: nobody gets an offer twice, and what may have left is unknown."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from push.consent import Channel
from tests.channels.texts.centre import Centre, centre
from tests.channels.texts.conftest import INSTALLATION_SECRET
from tests.channels.texts.test_smpp_worker import account
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

ROOT = Path(__file__).resolve().parents[3]
END_LEASES = "UPDATE outbox_message SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL"
WAITING = "SELECT count(*) FROM outbox_message WHERE district_id = %(d)s AND finished_at IS NULL"
STATES = (
    "SELECT state, count(*) FROM outbox_message WHERE district_id = %(d)s AND channel = 'sms' GROUP BY state"
)
OFFERS, KILLS, IN_FLIGHT = 40, 2, 4


@asynccontextmanager
async def working(database_url: str, ground: Ground) -> AsyncIterator[None]:
    """A worker of its own process, killed at the end."""
    script = str(Path(__file__).with_name("worker_process.py"))
    given = (database_url, INSTALLATION_SECRET, ground.clock.now().isoformat())
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, *given, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_no_offer_is_texted_twice_though_its_workers_are_killed(
    desk: Desk, ground: Ground, database_url: str
) -> None:
    async with centre(password="secret") as smsc:
        await account(desk, smsc)
        campaign = ground.campaign()
        late = ground.clock.now() + timedelta(days=365)
        members = [ground.member(phone=f"+35840123{place:04d}") for place in range(5000, 5000 + OFFERS)]
        await ground.issue(
            *(ground.draft(campaign, one, send_before=late, channels=(Channel.SMS,)) for one in members)
        )
        for least in range(6, 6 * KILLS + 1, 6):

            def is_amid(one: Centre, least: int = least) -> bool:
                return len(one.taken) >= least

            async with working(database_url, ground):
                await smsc.until(is_amid)
            async with ground.pool.connection() as connection:
                await connection.execute(END_LEASES)  # as if half a minute had passed

        async def is_done() -> bool:
            return await ground.number(WAITING) == 0

        async with working(database_url, ground):
            await until(is_done)
        each = Counter(one["to"] for one in smsc.taken)
        states = dict(await ground.rows(STATES))
        assert max(each.values()) == 1
        assert set(states) <= {"accepted", "unknown"}
        assert sum(states.values()) == OFFERS
        assert states["accepted"] <= len(each)
        assert OFFERS - len(each) <= states.get("unknown", 0) <= KILLS * IN_FLIGHT
