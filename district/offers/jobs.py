"""What the clock does to offers: reservations that nobody claimed come back, pools are made, queues are served."""

import uuid
from datetime import datetime

import structlog

from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.offers import claim_queries, drop_queries, drops, pools, queries, reservations
from district.offers import terms as terms_of
from push.errors import PushError

MOST_AT_ONCE = 500
log = structlog.get_logger()


async def sweep(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> int:
    """Give back what reservations and coupons that are over still hold; how many. Any number of workers may ask."""
    swept = 0
    for free in (reservations.void_unclaimed, reservations.free_expired):
        part = MOST_AT_ONCE
        while part == MOST_AT_ONCE:
            async with transaction(pool) as connection:
                part = await free(connection, district_id, now=now, most=MOST_AT_ONCE)
            swept += part
    return swept


async def keep_pools(pool: Pool, district_id: uuid.UUID) -> None:
    """Make each pool as large as its stock, and tell the stock how much of it is taken."""
    values = {"district_id": district_id}
    async with pool.connection() as connection:
        rows = await (await connection.execute(claim_queries.POOLED_CAMPAIGNS_SQL, values)).fetchall()
    campaigns = [row[0] for row in rows]
    for campaign_id in campaigns:
        try:
            async with transaction(pool) as connection:
                known = await terms_of.load(connection, district_id, [campaign_id])
                if campaign_id in known and known[campaign_id].is_pooled:
                    await pools.fill(connection, district_id, known[campaign_id])
        except PushError as error:
            log.error("pool.unreadable", campaign=str(campaign_id), error=type(error).__name__)
    if campaigns:
        async with transaction(pool) as connection:
            folded = await connection.execute(claim_queries.FOLD_POOLS_SQL, values | {"campaigns": campaigns})
            if any(row[1] for row in await folded.fetchall()):
                await connection.execute(queries.TELL_CAMPAIGNS_SQL, values)


async def serve_drops(pool: Pool, district: DistrictInfo, *, now: datetime) -> int:
    """Serve every queue in which somebody waits; how many tickets."""
    async with pool.connection() as connection:
        cursor = await connection.execute(drop_queries.DROPS_WAITING_SQL, {"district_id": district.id})
        waiting = [row[0] for row in await cursor.fetchall()]
    return sum([await drops.settle(pool, district, one, now=now, waits=True) for one in waiting])
