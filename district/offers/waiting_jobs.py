"""The worker's ticks over what waits to be decided: one district at a time, those with due rows, in any order."""

import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import psycopg
import structlog

from district.campaigns import greetings, occurrences
from district.clock import Clock
from district.database import Pool
from district.districts.service import DistrictInfo
from district.offers import happenings, policies, scheduled
from district.offers.waiting_queries import WHERE_OCCURRENCES_SQL, WHERE_TRIGGERS_SQL
from push.policy import DecisionPolicy

DECIDE_EVERY = timedelta(seconds=1)
MATERIALISE_EVERY = timedelta(seconds=20)
GREET_EVERY = timedelta(minutes=5)
FORGET_EVERY = timedelta(minutes=10)
BATCHES = 10
"""How many batches of one district a tick takes, before it is another's turn."""
log = structlog.get_logger()
Batch = Callable[[DistrictInfo, datetime], Awaitable[int]]


async def decide_happenings(
    pool: Pool, districts: Sequence[DistrictInfo], clock: Clock, *, fresh_for: timedelta
) -> None:
    """Decide what has happened."""

    async def batch(district: DistrictInfo, now: datetime) -> int:
        policy = await _policy(pool, district, fresh_for)
        return await happenings.decide_due(pool, district, now=now, policy=policy)

    await _walk(pool, districts, clock, WHERE_TRIGGERS_SQL, batch)


async def plan_occurrences(
    pool: Pool, districts: Sequence[DistrictInfo], clock: Clock, *, fresh_for: timedelta
) -> None:
    """Plan the schedules whose time has come."""

    async def batch(district: DistrictInfo, now: datetime) -> int:
        policy = await _policy(pool, district, fresh_for)
        return await scheduled.plan_due(pool, district, now=now, policy=policy)

    await _walk(pool, districts, clock, WHERE_OCCURRENCES_SQL, batch)


async def materialise(pool: Pool, districts: Sequence[DistrictInfo], clock: Clock) -> None:
    """Make the coming occurrences rows, and give up those whose time is over."""
    for district in districts:
        now = clock.now()
        await occurrences.materialise(pool, district, now=now)
        await scheduled.miss(pool, district, now=now)


async def greet(pool: Pool, districts: Sequence[DistrictInfo], clock: Clock) -> None:
    """Queue birthdays, and those who have stayed away for as long as a campaign says."""
    for district in districts:
        await greetings.enqueue_due(pool, district, now=clock.now())


async def forget(pool: Pool, districts: Sequence[DistrictInfo], clock: Clock) -> None:
    """Retention of what is decided."""
    for district in districts:
        await occurrences.forget(pool, district.id, now=clock.now())


async def _policy(pool: Pool, district: DistrictInfo, fresh_for: timedelta) -> DecisionPolicy:
    async with pool.connection() as connection:
        return await policies.decision_policy(connection, district, fresh_for=fresh_for)


async def _walk(
    pool: Pool, districts: Sequence[DistrictInfo], clock: Clock, where: str, batch: Batch
) -> None:
    async with pool.connection() as connection:
        rows = await (await connection.execute(where.encode(), {"now": clock.now()})).fetchall()
    due: set[uuid.UUID] = {row[0] for row in rows}
    mine = [one for one in districts if one.id in due]
    random.shuffle(mine)
    for district in mine:
        try:
            for _ in range(BATCHES):
                if not await batch(district, clock.now()):
                    break
        except psycopg.Error as error:
            # One district's trouble must not keep the others waiting.
            log.warning("waiting.failed", district=district.slug, error=type(error).__name__)
