"""Workers that are killed with -9 while they send: each leave is used up once, and no message goes out twice."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from push.consent import Channel
from tests.channels.wechat.conftest import INSTALLATION_SECRET, account
from tests.channels.wechat.test_subscribe_messages import OPENID, Phone
from tests.channels.wechat.weixin import Weixin
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

ROOT = Path(__file__).resolve().parents[3]
WORKER = ROOT / "tests" / "channels" / "texts" / "worker_process.py"
END_LEASES = "UPDATE outbox_message SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL"
END_CLAIMS = "UPDATE channel_token SET renewing_until = clock_timestamp() WHERE renewing_until IS NOT NULL"
WAITING = "SELECT count(*) FROM outbox_message WHERE district_id = %(d)s AND finished_at IS NULL"
STATES = """
SELECT state, count(*) FROM outbox_message WHERE district_id = %(d)s AND channel = 'mini_program' GROUP BY state
"""
USED = "SELECT count(*) FROM wechat_grant WHERE district_id = %(d)s AND delivery_id IS NOT NULL"
LEAVE, OFFERS, KILLS, IN_FLIGHT = 20, 26, 2, 4


@asynccontextmanager
async def working(database_url: str, ground: Ground) -> AsyncIterator[None]:
    """A worker of its own process, killed at the end."""
    given = (database_url, INSTALLATION_SECRET, ground.clock.now().isoformat())
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), *given, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_no_leave_is_used_twice_though_workers_are_killed(
    desk: Desk, ground: Ground, weixin: Weixin, database_url: str
) -> None:
    await account(desk, weixin)
    phone = Phone(desk, ground, weixin, language="zh")
    assert (await phone.bind()).status_code == 201
    await phone.allow(LEAVE)
    weixin.lag_s = 0.05
    late = ground.clock.now() + timedelta(days=365)
    drafts = []
    for number in range(OFFERS):
        words = {"title": {"zh": f"优惠{number}"}, "text": {"zh": "今天有效"}}
        offer = {"kind": "coupon", "value": {"type": "percent", "percent": 20}, **words}
        campaign = ground.campaign(offer=offer)
        drafts.append(
            ground.draft(campaign, phone.member, send_before=late, channels=(Channel.MINI_PROGRAM,))
        )
    await ground.issue(*drafts)
    for least in range(4, 4 * KILLS + 1, 4):

        async def is_amid(least: int = least) -> bool:
            return len(weixin.tried) >= least

        async with working(database_url, ground):
            await until(is_amid)
        async with ground.pool.connection() as connection:
            await connection.execute(END_LEASES)  # as if half a minute had passed
            await connection.execute(END_CLAIMS)

    async def is_done() -> bool:
        return await ground.number(WAITING) == 0

    async with working(database_url, ground):
        await until(is_done)
    each = Counter(one["data"]["thing1"]["value"] for one in weixin.tried)
    states = dict(await ground.rows(STATES))
    assert max(each.values()) == 1
    assert set(states) <= {"accepted", "unknown", "failed"}
    assert sum(states.values()) == OFFERS
    assert states.get("unknown", 0) <= KILLS * IN_FLIGHT
    assert await ground.number(USED) == LEAVE
    assert states["accepted"] <= len(weixin.sent) <= LEAVE
    assert LEAVE - len(weixin.sent) <= states.get("unknown", 0)
    assert len(weixin.sent) == LEAVE - weixin.leave[OPENID, "TEMPLATE-1"]
    assert len(weixin.token_calls) <= KILLS + 1
