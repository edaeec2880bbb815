"""Occurrences: rows made once, planned over the audience in batches and at their pace, never twice."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from district.campaigns import occurrences
from district.campaigns.models import Campaign
from district.deliveries.fleet import Fleet
from district.deliveries.jobs import Lane
from district.districts import service as districts
from district.members.models import Consent
from district.offers import scheduled
from district.settings import Settings
from push.consent import Channel, Purpose
from push.dispatch import DispatchPolicy
from tests.district.offers.conftest import Ground
from tests.district.offers.waiting import (
    killed_while_committing,
    offers_of,
    plan,
    refusals,
    scheduled_campaign,
)

HOURLY = "DTSTART:20260401T000000\nRRULE:FREQ=DAILY;BYHOUR=" + ",".join(str(hour) for hour in range(24))


async def states(ground: Ground) -> list[str]:
    rows = await ground.rows("SELECT state FROM occurrence WHERE district_id = %(d)s ORDER BY starts_at")
    return [row[0] for row in rows]


async def begin(ground: Ground) -> None:
    """To one o'clock in Helsinki, when the day's occurrence begins."""
    ground.clock.advance(timedelta(hours=1))


async def test_the_coming_two_days_are_made_once_by_however_many_workers(ground: Ground) -> None:
    scheduled_campaign(ground, rrule=HOURLY)
    now = ground.clock.now()
    for _ in range(2):
        await asyncio.gather(*(occurrences.materialise(ground.pool, ground.info, now=now) for _ in range(6)))
    rows = await ground.rows(
        "SELECT starts_at, wall_at, zone FROM occurrence WHERE district_id = %(d)s ORDER BY 1"
    )
    assert [row[0] for row in rows] == [now + timedelta(hours=hour) for hour in range(-1, 48)]
    zone = ZoneInfo("Europe/Helsinki")
    assert all(row[0].astimezone(zone).replace(tzinfo=None) == row[1] and row[2] == zone.key for row in rows)


async def test_a_time_zone_that_changes_its_rules_moves_what_is_to_come(ground: Ground) -> None:
    made = scheduled_campaign(ground)
    await occurrences.materialise(ground.pool, ground.info, now=ground.clock.now())
    before = await ground.rows("SELECT id, starts_at FROM occurrence WHERE district_id = %(d)s ORDER BY 2")
    async with ground.pool.connection() as connection:
        # As rows would stand that were reckoned with older rules, an hour off.
        await connection.execute(
            "UPDATE occurrence SET starts_at = starts_at + interval '1 hour', next_at = next_at + interval '1 hour'"
            " WHERE campaign_id = %s",
            (made.id,),
        )
    await occurrences.materialise(ground.pool, ground.info, now=ground.clock.now())
    after = await ground.rows("SELECT id, starts_at FROM occurrence WHERE district_id = %(d)s ORDER BY 2")
    assert after == before


async def test_each_member_gets_each_occurrence_once(ground: Ground) -> None:
    made = scheduled_campaign(ground)
    members = sorted(ground.member().id for _ in range(30))
    assert await plan(ground) == 0
    await begin(ground)
    for _ in range(3):
        await asyncio.gather(*(plan(ground) for _ in range(4)))
    assert await offers_of(ground, made) == members
    assert (await states(ground))[0] == "done"
    ground.clock.advance(timedelta(days=1))
    await plan(ground)
    assert await offers_of(ground, made) == sorted(members * 2)


async def test_a_plan_goes_on_from_where_a_killed_worker_left_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled, "DECIDED", 3)
    made = scheduled_campaign(ground)
    members = sorted((ground.member() for _ in range(10)), key=lambda one: one.id)
    await begin(ground)
    assert await plan(ground) == 3
    lock = f"SELECT FROM member WHERE id = '{members[4].id}' FOR UPDATE"
    await killed_while_committing(ground, lock, plan(ground))
    assert await offers_of(ground, made) == [one.id for one in members[:3]]
    while await plan(ground):
        pass
    assert await offers_of(ground, made) == [one.id for one in members]


async def test_a_plan_ends_with_the_last_piece_of_its_campaign(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled, "DECIDED", 3)
    made = scheduled_campaign(ground, stock=3)
    for _ in range(10):
        ground.member()
    await begin(ground)
    assert await plan(ground) == 3
    assert (await states(ground))[0] == "planning"
    exhausted = (
        f"UPDATE campaign SET state = 'exhausted' WHERE id = '{made.id}' AND district_id = %(d)s RETURNING 1"
    )
    await ground.rows(exhausted)
    await plan(ground)
    assert (await states(ground))[0] == "done"


async def test_no_minute_has_more_offers_than_the_pace_allows(ground: Ground) -> None:
    made = scheduled_campaign(ground, rule={"pace": {"per_min": 4}})
    for _ in range(10):
        ground.member()
    await begin(ground)
    found = []
    for _ in range(12):
        await plan(ground)
        await plan(ground)
        found.append(len(await offers_of(ground, made)))
        ground.clock.advance(timedelta(seconds=15))
    assert found == [4, 4, 4, 4, 8, 8, 8, 8, 10, 10, 10, 10]


async def test_occurrences_at_one_moment_compete_for_the_member(ground: Ground) -> None:
    first, second = scheduled_campaign(ground), scheduled_campaign(ground)
    member = ground.member()
    await begin(ground)
    await plan(ground)
    assert await offers_of(ground, min(first, second, key=lambda one: one.id)) == [member.id]
    assert await refusals(ground) == ["lower_score"]


async def test_why_members_were_left_out_is_kept(ground: Ground) -> None:
    scheduled_campaign(ground)
    ground.member(agrees=False)
    await begin(ground)
    await plan(ground)
    assert await refusals(ground) == ["no_consent"]
    rows = await ground.rows(
        "SELECT planned, issued, refused FROM occurrence WHERE district_id = %(d)s ORDER BY starts_at"
    )
    assert rows[0] == (0, 0, 1)


@pytest.mark.parametrize(
    ("pause", "state"), [(timedelta(minutes=80), "done"), (timedelta(minutes=91), "missed")]
)
async def test_a_pause_delays_an_occurrence_until_its_offers_would_be_dead(
    ground: Ground, pause: timedelta, state: str
) -> None:
    made = scheduled_campaign(ground)
    ground.member()
    await plan(ground)
    await begin(ground)
    _set(ground, made, "paused")
    assert await plan(ground) == 0
    ground.clock.advance(pause)
    _set(ground, made, "live")
    await plan(ground)
    assert (await states(ground))[0] == state
    assert len(await offers_of(ground, made)) == (1 if state == "done" else 0)


async def test_hours_that_open_soon_are_waited_for(ground: Ground) -> None:
    made = scheduled_campaign(ground, rule={"when": {"opening_hours": "Mo-Su 13:30-18:00"}})
    ground.member()
    await begin(ground)
    assert await plan(ground) == 0
    ground.clock.advance(timedelta(minutes=30))
    await plan(ground)
    assert len(await offers_of(ground, made)) == 1


async def test_an_ended_campaign_takes_place_no_more(ground: Ground) -> None:
    made = scheduled_campaign(ground)
    await plan(ground)
    _set(ground, made, "ended")
    await plan(ground)
    assert await states(ground) == []


def _set(ground: Ground, made: Campaign, state: str) -> None:
    made.state = state
    ground.makers.done()


async def test_a_schedule_needs_no_consent_to_be_located_and_is_delivered_without_it(
    ground: Ground, settings: Settings
) -> None:
    made = scheduled_campaign(ground)
    member = ground.member(agrees=False)
    ground.makers.session.add(
        Consent(
            district_id=ground.info.id,
            member_id=member.id,
            purpose=Purpose.MARKETING,
            granted=True,
            action="box",
            at=ground.clock.now(),
        )
    )
    ground.makers.done()
    await begin(ground)
    await plan(ground)
    assert await offers_of(ground, made) == [member.id]
    rows = await ground.rows(
        "SELECT (payload ->> 'by_location')::boolean FROM outbox_message WHERE district_id = %(d)s"
    )
    assert rows == [(False,)]
    registry = districts.registry(ground.pool)
    await registry.refresh()
    fleet = Fleet.opened(ground.pool, settings, ground.clock)
    lane = Lane(
        pool=ground.pool,
        registry=registry,
        settings=settings,
        clock=ground.clock,
        fleet=fleet,
        channels=frozenset({Channel.INBOX}),
        policy=DispatchPolicy(),
        stopping=asyncio.Event(),
    )
    await lane.tick()
    await fleet.close()
    states = await ground.rows("SELECT state FROM outbox_message WHERE district_id = %(d)s")
    assert states == [("accepted",)]
