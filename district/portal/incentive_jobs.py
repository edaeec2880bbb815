"""Coupons, red packets and points for joining: given by a worker, to the wallet alone, as nobody was asked whether he wants to be told."""

from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.offers import claims, terms
from district.offers.claim_problems import OnePerPerson, SoldOut
from district.offers.claims import Asked
from district.problems import NotFound
from push.campaign_life import FINAL, IN_FORCE
from push.wording import both

MOST_AT_ONCE = 200
WHY = both(zh="感谢连接商圈 Wi-Fi。", en="For joining the Wi-Fi.")

DUE_SQL = """
SELECT reward.incentive_id, reward.member_id, incentive.campaign_id
FROM join_reward AS reward
JOIN join_incentive AS incentive
  ON incentive.district_id = reward.district_id AND incentive.id = reward.incentive_id
JOIN campaign ON campaign.district_id = incentive.district_id AND campaign.id = incentive.campaign_id
WHERE reward.district_id = %(district_id)s AND incentive.kind <> 'plan'
  AND reward.offer_id IS NULL AND reward.refused IS NULL AND campaign.state = ANY(%(states)s)
ORDER BY reward.at, reward.member_id LIMIT %(most)s
"""

CLAIM_SQL = """
SELECT FROM join_reward
WHERE district_id = %(district_id)s AND incentive_id = %(incentive_id)s AND member_id = %(member_id)s
  AND offer_id IS NULL AND refused IS NULL
FOR UPDATE SKIP LOCKED
"""

DONE_SQL = """
UPDATE join_reward SET offer_id = %(offer_id)s, refused = %(refused)s
WHERE district_id = %(district_id)s AND incentive_id = %(incentive_id)s AND member_id = %(member_id)s
"""


async def give(pool: Pool, district: DistrictInfo, *, now: datetime) -> int:
    """Give the coupons that joins have brought; how many. What waits for a paused campaign goes on waiting."""
    values = {
        "district_id": district.id,
        "states": sorted({*IN_FORCE, *FINAL}),
        "most": MOST_AT_ONCE,
    }
    async with pool.connection() as connection:
        rows = await (await connection.execute(DUE_SQL, values)).fetchall()
    given = 0
    for incentive_id, member_id, campaign_id in rows:
        given += await _give_one(pool, district, incentive_id, member_id, campaign_id, now=now)
    return given


async def _give_one(
    pool: Pool,
    district: DistrictInfo,
    incentive_id: UUID,
    member_id: UUID,
    campaign_id: UUID,
    *,
    now: datetime,
) -> bool:
    values = {"district_id": district.id, "incentive_id": incentive_id, "member_id": member_id}
    asked = Asked(member_id=member_id, id=campaign_id, now=now, key=f"join:{incentive_id}", why=WHY)
    async with transaction(pool) as connection:
        try:
            had = await claims.own(connection, district.id, asked)
        except NotFound:  # closed or merged since: nothing is left to give to
            await connection.execute(DONE_SQL, values | {"offer_id": None, "refused": "gone"})
            return False
        if await (await connection.execute(CLAIM_SQL, values)).fetchone() is None:
            return False
        offer_id, refused = await _taken(connection, district, asked, had.newest())
        await connection.execute(DONE_SQL, values | {"offer_id": offer_id, "refused": refused})
    return offer_id is not None


async def _taken(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, asked: Asked, newest: UUID | None
) -> tuple[UUID | None, str | None]:
    """The offer, or why there is none."""
    found = (await terms.load(connection, district.id, [asked.id]))[asked.id]
    if found.state in FINAL:
        return None, "over"
    try:
        async with connection.transaction():
            return await claims.take_one(connection, district, found, asked), None
    except SoldOut:
        return None, "sold_out"
    except (OnePerPerson, psycopg.errors.UniqueViolation):
        return newest, None if newest else "had"
