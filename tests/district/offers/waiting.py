"""Campaigns that wait for happenings and schedules, and the rows that these leave."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from district.campaigns import occurrences
from district.campaigns.models import Campaign
from district.campaigns.triggers import Happening, NewTrigger, enqueue
from district.members.models import Member
from district.offers import happenings, scheduled
from district.offers.policies import decision_policy_of
from tests.district.offers.conftest import Ground

FRIDAYS = "DTSTART;TZID=Europe/Helsinki:20260401T130000\nRRULE:FREQ=DAILY"


def rule(*triggers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A rule without a hold-out, for everyone, anywhere."""
    return {"v": 1, "trigger": {"any": list(triggers)}, "holdout": {"pct": 0}, **members}


def campaign(ground: Ground, *triggers: dict[str, Any], stores: Any = (), **values: Any) -> Campaign:
    """A live campaign of the ground's merchant."""
    members = values.pop("rule", {})
    return ground.makers.campaign(
        ground.district, ground.merchant, list(stores), rule=rule(*triggers, **members), **values
    )


def scheduled_campaign(ground: Ground, *, rrule: str = FRIDAYS, **values: Any) -> Campaign:
    """A campaign that takes place each day at one o'clock."""
    return campaign(ground, {"on": "schedule", "rrule": rrule}, **values)


def happen(
    ground: Ground, kind: Happening, member: Member | uuid.UUID, key: str = "1", **values: Any
) -> None:
    """Queue a happening of this moment."""
    member_id = member if isinstance(member, uuid.UUID) else member.id
    made = NewTrigger(kind=kind, member_id=member_id, occurrence_key=key, at=ground.clock.now(), **values)
    enqueue(ground.makers.session, ground.info.id, made)
    ground.makers.done()


def begin_of_day(ground: Ground) -> None:
    """To one o'clock in Helsinki, when the day's occurrence begins."""
    ground.clock.advance(timedelta(hours=1))


async def decide(ground: Ground) -> int:
    """One tick of the worker over happenings."""
    return await happenings.decide_due(
        ground.pool,
        ground.info,
        now=ground.clock.now(),
        policy=decision_policy_of(ground.info, fresh_for=timedelta(minutes=3)),
    )


async def plan(ground: Ground) -> int:
    """One tick of the worker over schedules: rows made, one batch planned."""
    now = ground.clock.now()
    await occurrences.materialise(ground.pool, ground.info, now=now)
    await scheduled.miss(ground.pool, ground.info, now=now)
    return await scheduled.plan_due(
        ground.pool,
        ground.info,
        now=now,
        policy=decision_policy_of(ground.info, fresh_for=timedelta(minutes=3)),
    )


async def outcomes(ground: Ground) -> list[tuple[str, str]]:
    """Each queued happening with what became of it."""
    return await ground.rows(
        "SELECT kind, outcome FROM pending_trigger WHERE district_id = %(d)s ORDER BY kind, at, id"
    )


async def offers_of(ground: Ground, made: Campaign) -> list[uuid.UUID]:
    """Whose offers the campaign has made."""
    rows = await ground.rows(
        f"SELECT member_id FROM offer WHERE district_id = %(d)s AND campaign_id = '{made.id}' ORDER BY 1"
    )
    return [row[0] for row in rows]


async def refusals(ground: Ground) -> list[str]:
    """Why offers were not made."""
    rows = await ground.rows("SELECT reason FROM refusal WHERE district_id = %(d)s ORDER BY 1")
    return [row[0] for row in rows]


async def killed_while_committing(ground: Ground, lock: str, work: Awaitable[Any]) -> None:
    """Let the work come as far as its writes, where a lock holds it up, and end its connection there."""
    async with ground.pool.connection() as holder, ground.pool.connection() as killer:
        async with holder.transaction():
            await holder.execute(lock.encode())
            working = asyncio.ensure_future(work)
            killed = False
            while not killed and not working.done():
                cursor = await killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                killed = await cursor.fetchone() is not None
        assert killed
        with pytest.raises(psycopg.OperationalError):
            await working
