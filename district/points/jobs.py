"""The worker's ticks: visits earn, old lots end, passes are forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
import structlog

from district.clock import Clock
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.points import queries, service
from district.points.models import MovementKind
from district.points.service import Earning, Rule

SETTLED_AFTER = timedelta(minutes=20)
"""A visit that ended so long ago is not made anew any more, but for what comes very late."""
LOOK_BACK = timedelta(days=1)
BATCH = 500
log = structlog.get_logger()


async def follow(pool: Pool, districts: Sequence[DistrictInfo], clock: Clock) -> None:
    """Points for visits that are over, and the end of points whose time is over, in every district that has points."""
    for district in districts:
        try:
            async with pool.connection() as connection:
                rule = await service.rule_of(connection, district.id)
                values = {"district_id": district.id, "machine_now": clock.machine_now()}
                await connection.execute(queries.FORGET_CODES_SQL, values)
            if rule is not None:
                await _credit_visits(pool, district, rule, now=clock.now())
                await _end(pool, district, rule, now=clock.now())
        except psycopg.Error as error:
            # One district's trouble must not keep the others' points back.
            log.warning("points.failed", district=district.slug, error=type(error).__name__)


async def _credit_visits(pool: Pool, district: DistrictInfo, rule: Rule, *, now: datetime) -> None:
    if not rule.is_on or rule.per_visit == 0:
        return
    since = now - LOOK_BACK
    values = {
        "district_id": district.id,
        "day": district.trading_day(since),
        "since": since,
        "until": now - SETTLED_AFTER,
        "limit": BATCH,
    }
    async with pool.connection() as connection:
        visits = await (await connection.execute(queries.VISITS_SQL, values)).fetchall()
    for visit_id, member_id, ended_at in visits:
        earning = Earning(
            kind=MovementKind.VISIT,
            member_id=member_id,
            subject_id=visit_id,
            points=rule.per_visit,
            at=ended_at,
        )
        async with transaction(pool) as connection:
            await service.earn(connection, district.id, rule, earning)


async def _end(pool: Pool, district: DistrictInfo, rule: Rule, *, now: datetime) -> None:
    values = {"district_id": district.id, "at": now, "limit": BATCH}
    async with pool.connection() as connection:
        members = await (await connection.execute(queries.ENDING_SQL, values)).fetchall()
    for (member_id,) in members:
        async with transaction(pool) as connection:
            await service.expire(connection, district.id, rule, member_id, at=now)
