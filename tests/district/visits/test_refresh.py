"""Visits from recorded sightings: whose, where, how long, and the same however often they are made."""

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from district.visits import jobs, queries, service
from district.visits.models import Visit
from geo.coordinates import LonLat
from tests.district.visits.scene import Scene
from tests.factories import HELSINKI, square

EAST = LonLat(lon=HELSINKI.lon + 0.01, lat=HELSINKI.lat)


def visits(scene: Scene, kind: str | None = None) -> list[Visit]:
    session = scene.committed.session
    session.rollback()
    statement = (
        select(Visit)
        .where(Visit.district_id == scene.district.id)
        .order_by(Visit.place_kind, Visit.started_at)
    )
    rows = session.scalars(statement.execution_options(populate_existing=True)).all()
    return [row for row in rows if kind is None or row.place_kind == kind]


def morning(scene: Scene, minutes: float) -> datetime:
    return scene.clock.now() - timedelta(hours=3) + timedelta(minutes=minutes)


def stretch(scene: Scene, row: Visit) -> tuple[float, float]:
    start = morning(scene, 0)
    return (row.started_at - start) / timedelta(minutes=1), (row.ended_at - start) / timedelta(minutes=1)


async def test_a_stay_in_a_zone_is_a_visit_to_the_district_and_to_the_zone(scene: Scene) -> None:
    zone = scene.committed.zone(scene.district)
    scene.walk(0, 20, device=b"d" * 16)
    scene.walk(20.5, 30, device=b"d" * 16, lon=EAST.lon)
    made = await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert (made.fixes, made.changed, made.removed) == (61, 2, 0)
    whole, in_zone = visits(scene)
    assert (whole.place_kind, stretch(scene, whole), whole.device) == ("district", (0, 30), b"d" * 16)
    assert (in_zone.place_kind, in_zone.place_id, stretch(scene, in_zone)) == ("zone", zone.id, (0, 20))
    assert whole.fixes == 61
    assert whole.trading_day == scene.info.trading_day(whole.started_at)


async def test_making_them_again_changes_nothing(scene: Scene) -> None:
    scene.committed.zone(scene.district)
    for person in range(5):
        scene.walk(person, 40 + person, member_id=scene.committed.member(scene.district).id)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    before = [(row.id, row.started_at, row.ended_at, row.fixes) for row in visits(scene)]
    for late in (None, timedelta(hours=2), timedelta(hours=24)):
        again = await service.refresh(scene.pool, scene.info, now=scene.clock.now(), late=late)
        assert (again.changed, again.removed) == (0, 0)
    after = [(row.id, row.started_at, row.ended_at, row.fixes) for row in visits(scene)]
    assert after == before
    assert len(after) == 10


async def test_a_visit_keeps_its_start_and_grows_while_windows_pass_over_it(scene: Scene) -> None:
    scene.committed.zone(scene.district)
    member = scene.committed.member(scene.district)
    scene.walk(0, 100, member_id=member.id)
    ids = set()
    for minutes in range(5, 105, 5):
        await service.refresh(scene.pool, scene.info, now=morning(scene, minutes))
        ids |= {row.id for row in visits(scene)}
    rows = visits(scene)
    assert len(ids) == 2
    assert [stretch(scene, row) for row in rows] == [(0, 100), (0, 100)]
    assert [row.fixes for row in rows] == [201, 201]


async def test_small_steps_and_one_run_make_the_same_visits(scene: Scene) -> None:
    """People who go in and out, step out shortly, leave and come back."""
    scene.committed.zone(scene.district)
    for shift in range(6):
        device = bytes([shift]) * 16
        scene.walk(shift, 12 + shift, device=device)
        scene.walk(12.5 + shift, 13 + 0.7 * shift + shift, device=device, lon=EAST.lon)
        scene.walk(14 + 2 * shift, 31 + shift, device=device)
        scene.walk(33 + 3 * shift, 60, device=device, lon=EAST.lon)
        scene.walk(75 + shift, 90, device=device)
    for tenths in range(20, 1200, 7):
        await service.refresh(scene.pool, scene.info, now=morning(scene, tenths / 10))
    stepwise = {(row.id, row.started_at, row.ended_at) for row in visits(scene)}
    for row in visits(scene):
        scene.committed.session.delete(row)
    scene.committed.done()
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    at_once = {(row.id, row.started_at, row.ended_at) for row in visits(scene)}
    assert stepwise == at_once
    assert len(at_once) > 12


async def test_a_late_sighting_joins_two_visits_into_one(scene: Scene) -> None:
    device = uuid.uuid4().bytes
    scene.walk(80, 95, device=device)
    scene.walk(110, 120, device=device)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert [stretch(scene, row) for row in visits(scene)] == [(80, 95), (110, 120)]
    scene.walk(95.5, 109, device=device)
    made = await service.refresh(scene.pool, scene.info, now=scene.clock.now(), late=service.LATE)
    assert [stretch(scene, row) for row in visits(scene)] == [(80, 120)]
    assert (made.changed, made.removed) == (1, 1)


async def test_a_members_devices_are_one_visit_and_what_came_before_the_log_in_is_his(scene: Scene) -> None:
    member = scene.committed.member(scene.district)
    scene.walk(0, 10, device=b"p" * 16)
    await service.refresh(scene.pool, scene.info, now=morning(scene, 10))
    assert visits(scene)[0].member_id is None
    scene.walk(10.5, 30, device=b"p" * 16, member_id=member.id)
    scene.walk(5, 25, device=b"w" * 16, member_id=member.id)
    await service.refresh(scene.pool, scene.info, now=morning(scene, 30), late=service.LATE)
    (visit,) = visits(scene)
    assert (visit.member_id, visit.device, stretch(scene, visit)) == (member.id, None, (0, 30))


async def test_who_passes_in_under_two_minutes_is_no_visit(scene: Scene) -> None:
    scene.walk(0, 1.5)
    made = await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert (made.fixes, made.changed) == (4, 0)


@pytest.mark.parametrize(
    ("floor", "accuracy_m", "counts"), [("1", 5, True), ("2", 5, False), (None, 5, False), ("1", 80, False)]
)
async def test_a_zone_on_a_floor_counts_only_good_fixes_known_to_be_there(
    scene: Scene,
    floor: str | None,
    accuracy_m: float,
    counts: bool,
) -> None:
    scene.committed.zone(scene.district, floor="1")
    scene.walk(0, 10, floor=floor, accuracy_m=accuracy_m)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert bool(visits(scene, "zone")) is counts
    assert len(visits(scene, "district")) == 1


async def test_overlapping_zones_each_have_their_visit(scene: Scene) -> None:
    inner = scene.committed.zone(scene.district, outline=square(half_degrees=0.0003))
    outer = scene.committed.zone(scene.district)
    scene.walk(0, 10)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert {row.place_id for row in visits(scene, "zone")} == {inner.id, outer.id}


async def test_a_stay_beside_a_merchants_store_is_a_visit_to_it(scene: Scene) -> None:
    merchant, rival = scene.committed.merchant(scene.district), scene.committed.merchant(scene.district)
    store = scene.committed.store(scene.district, merchant_id=merchant.id)
    scene.committed.store(
        scene.district, at=LonLat(lon=HELSINKI.lon, lat=HELSINKI.lat + 0.0003), merchant_id=rival.id
    )
    scene.committed.store(scene.district)
    member = scene.committed.member(scene.district)
    scene.walk(0, 10, member_id=member.id)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    (visit,) = visits(scene, "store")
    assert (visit.place_id, visit.member_id) == (store.id, member.id)


async def test_another_districts_sightings_and_demo_visits_are_left_alone(scene: Scene) -> None:
    past = Visit(
        district_id=scene.district.id,
        trading_day=scene.info.trading_day(morning(scene, 10)),
        id=uuid.uuid4(),
        place_kind="district",
        device=b"x" * 16,
        started_at=morning(scene, 10),
        ended_at=morning(scene, 30),
        fixes=9,
        is_demo=True,
    )
    scene.committed.session.add(past)
    other = scene.committed.district()
    scene.committed.done()
    scene.walk(0, 10)
    made = await service.refresh(scene.pool, scene.committed.info(other), now=scene.clock.now())
    assert (made.fixes, made.changed) == (0, 0)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert len(visits(scene)) == 2


async def test_visits_to_a_zone_that_is_gone_stay(scene: Scene) -> None:
    zone = scene.committed.zone(scene.district)
    scene.walk(150, 180)
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    scene.committed.session.delete(zone)
    scene.committed.done()
    await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert len(visits(scene, "zone")) == 1


async def test_two_workers_at_once_make_each_visit_once(scene: Scene) -> None:
    for _ in range(20):
        scene.walk(0, 20)
    runs = await asyncio.gather(
        *(service.refresh(scene.pool, scene.info, now=scene.clock.now()) for _ in range(4))
    )
    assert sum(not run.is_busy for run in runs) >= 1
    assert sum(run.changed for run in runs) == 20
    assert len(visits(scene)) == 20


async def test_a_busy_district_is_left_to_the_worker_that_is_at_it(scene: Scene) -> None:
    scene.walk(0, 20)
    async with scene.pool.connection() as connection, connection.transaction():
        await connection.execute(queries.LOCK_SQL, {"district_id": scene.info.id})
        made = await service.refresh(scene.pool, scene.info, now=scene.clock.now())
    assert made.is_busy
    await jobs.follow(scene.pool, [scene.info], scene.clock)
    assert len(visits(scene)) == 1
