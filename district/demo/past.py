"""The past campaigns of a demo with all that came of them. All of it is invented, and labelled so on every page."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.clock import Clock
from district.database import make_pool
from district.demo import past_campaigns
from district.demo.past_campaigns import Ran
from district.demo.past_days import Days
from district.districts import service as districts
from district.districts.service import DistrictInfo
from push.campaign_life import FINAL

ANALYZE_SQL = "ANALYZE visit, member, consent, device_alias"


def unfinished(session: Session, slug: str) -> tuple[DistrictInfo, Sequence[Ran]]:
    """The past campaigns whose days have not passed yet: of a new demo all, after a start that was cut short too."""
    district = districts.read(session, slug)
    ran = past_campaigns.find(session, district)
    ended = select(func.count()).where(
        Campaign.district_id == district.id,
        Campaign.id.in_([one.id for one in ran]),
        Campaign.state.in_(FINAL),
    )
    return district, ran if session.scalar(ended) != len(ran) else ()


def live_through(database_url: str, district: DistrictInfo, ran: Sequence[Ran], *, clock: Clock) -> None:
    """Let their days pass, in many transactions; what a start that was cut short did already is known again."""
    if ran:
        asyncio.run(_live_through(database_url, district, ran, clock))


async def _live_through(database_url: str, district: DistrictInfo, ran: Sequence[Ran], clock: Clock) -> None:
    until = max(one.last for one in ran) + timedelta(days=1)
    async with make_pool(database_url, size=2) as pool:
        async with pool.connection() as connection:
            await connection.execute(ANALYZE_SQL)  # what was just loaded has no statistics yet
        days = Days(pool=pool, district=district, ran=ran, machine_now=clock.machine_now())
        await days.live_through(until=until)
