"""The worker's ticks: every district that has something due, and none held back by another's trouble."""

from datetime import timedelta

from district.campaigns.triggers import Happening
from district.offers import waiting_jobs
from tests.district.offers.conftest import Ground
from tests.district.offers.waiting import (
    begin_of_day,
    campaign,
    happen,
    offers_of,
    outcomes,
    scheduled_campaign,
)

FRESH_FOR = timedelta(minutes=3)


async def test_a_tick_decides_all_that_is_due_in_its_districts(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    members = sorted(ground.member().id for _ in range(3))
    for member_id in members:
        happen(ground, Happening.WIFI_JOIN, member_id)
    await waiting_jobs.decide_happenings(ground.pool, [], ground.clock, fresh_for=FRESH_FOR)
    assert await offers_of(ground, made) == []
    await waiting_jobs.decide_happenings(ground.pool, [ground.info], ground.clock, fresh_for=FRESH_FOR)
    assert await offers_of(ground, made) == members


async def test_a_schedule_is_made_planned_and_forgotten_by_ticks(ground: Ground) -> None:
    made = scheduled_campaign(ground)
    member = ground.member()
    districts, clock = [ground.info], ground.clock
    await waiting_jobs.materialise(ground.pool, districts, clock)
    begin_of_day(ground)
    await waiting_jobs.plan_occurrences(ground.pool, districts, clock, fresh_for=FRESH_FOR)
    assert await offers_of(ground, made) == [member.id]
    clock.advance(timedelta(days=401))
    await waiting_jobs.forget(ground.pool, districts, clock)
    rows = await ground.rows("SELECT state FROM occurrence WHERE district_id = %(d)s")
    assert rows == [("due",)]


async def test_the_calendar_is_asked_by_a_tick_and_done_happenings_are_forgotten(ground: Ground) -> None:
    made = campaign(ground, {"on": "member.birthday"})
    member = ground.member(birth_month=5, birth_day=1)
    await waiting_jobs.greet(ground.pool, [ground.info], ground.clock)
    await waiting_jobs.decide_happenings(ground.pool, [ground.info], ground.clock, fresh_for=FRESH_FOR)
    assert await offers_of(ground, made) == [member.id]
    ground.clock.advance(timedelta(days=2, seconds=1))
    await waiting_jobs.forget(ground.pool, [ground.info], ground.clock)
    assert await outcomes(ground) == []
