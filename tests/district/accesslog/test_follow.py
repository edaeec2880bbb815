"""Whatever ends a session, its end is in the log; RADIUS tells the addresses."""

import asyncio
import uuid
from datetime import timedelta

from sqlalchemy import text

from district.accesslog import reading, service
from district.accesslog.models import AccessSession
from district.accesslog.schemas import Question
from district.database import transaction
from district.gateways import overstayed, sessions
from district.gateways.models import WifiSession
from district.radius.models import RadiusSession
from district.radius.queries import OPEN_SESSION_SQL
from tests.district.accesslog.conftest import MAC, Stage
from tests.factories import Makers


def accounting(makers: Makers, row: WifiSession, address: str) -> RadiusSession:
    now = makers.clock.now()
    told = RadiusSession(
        district_id=row.district_id,
        unique_id=f"u-{row.id}",
        wifi_session_id=row.id,
        framed_address=address,
        access_point_mac="00180a13ddb1",
        started_at=now,
        updated_at=now,
    )
    makers.session.add(told)
    makers.done()
    return told


async def test_a_session_that_finished_is_off_with_its_device_and_reason(
    stage: Stage,
) -> None:
    row = stage.let_in()
    stage.clock.advance(timedelta(minutes=9))
    ended_at = stage.clock.now()
    sessions.finish(row, "User-Request", at=ended_at)
    stage.makers.done()
    stage.clock.advance(timedelta(seconds=8))
    await stage.follow()
    on, off = stage.log()
    assert (on.event, off.event, off.session) == ("on", "off", str(row.id))
    assert (off.at, off.detail, off.mac, off.identity) == (ended_at, "User-Request", MAC, stage.member.phone)
    assert stage.makers.session.query(AccessSession).filter_by(district_id=stage.district.id).count() == 0


async def test_an_end_is_written_once(
    stage: Stage,
) -> None:
    sessions.finish(stage.let_in(), "x", at=stage.clock.now())
    stage.makers.done()
    counts = [await stage.follow() for _ in range(3)]
    assert counts == [1, 0, 0]


async def test_a_session_that_overstayed_is_off_at_its_time(
    stage: Stage,
) -> None:
    row = stage.let_in()
    row.expires_at = stage.clock.now() + timedelta(hours=1)
    stage.makers.done()
    stage.clock.advance(timedelta(hours=9))
    await overstayed.end(stage.pool, stage.district.id, now=stage.clock.now())
    await stage.follow()
    off = stage.log()[-1]
    assert (off.event, off.at, off.detail) == ("off", row.expires_at, "expired")


async def test_radius_tells_the_address_and_each_new_one(
    stage: Stage,
) -> None:
    row = stage.let_in()
    told = accounting(stage.makers, row, "10.1.0.7")
    await stage.follow()
    await stage.follow()
    told.framed_address = "10.1.0.8"
    stage.makers.done()
    await stage.follow()
    sessions.finish(row, "Idle-Timeout", at=stage.clock.now())
    stage.makers.done()
    await stage.follow()
    rows = stage.log()
    assert [(one.event, one.inner_address) for one in rows] == [
        ("on", ""),
        ("address", "10.1.0.7"),
        ("address", "10.1.0.8"),
        ("off", "10.1.0.8"),
    ]
    assert rows[-1].access_point_mac == "00180a13ddb1"
    assert service.verify(stage.makers.session, stage.district.id).fault is None


async def test_a_session_that_radius_began_is_written_with_the_name_the_law_asks_for(
    stage: Stage,
) -> None:
    row = stage.let_in()
    for table in ("access_record", "access_chain", "access_session"):
        stage.makers.session.execute(
            text(f"DELETE FROM {table} WHERE district_id = :d"), {"d": stage.district.id}
        )
    pending = AccessSession(
        district_id=stage.district.id,
        session=row.id,
        member_id=stage.member.id,
        method="mac",
        mac=MAC,
        nas=stage.gateway.slug,
        at=stage.clock.now(),
    )
    stage.makers.session.add(pending)
    stage.makers.done()
    await stage.follow()
    await stage.follow()
    [on] = stage.log()
    assert (on.event, on.method, on.identity, on.at) == ("on", "mac", stage.member.phone, stage.clock.now())


async def test_what_is_left_of_a_removed_session_is_its_end(
    stage: Stage,
) -> None:
    row = stage.let_in()
    stage.makers.session.delete(row)
    stage.makers.done()
    await stage.follow()
    assert [(one.event, one.detail) for one in stage.log()] == [
        ("on", ""),
        ("off", "removed"),
    ]


async def test_what_radius_opens_is_on_the_log_without_waiting_for_its_chain(stage: Stage) -> None:
    session_id, expires_at = uuid.uuid4(), stage.clock.now() + timedelta(hours=1)
    values = {
        "district_id": stage.district.id,
        "id": session_id,
        "gateway_id": stage.gateway.id,
        "member_id": stage.member.id,
        "alias": bytes(16),
        "access_point_mac": "00180a13ddb0",
        "method": "802.1x",
        "now": stage.clock.now(),
        "mac": MAC,
        "plan_id": None,
        "expires_at": expires_at,
    }
    async with transaction(stage.pool) as connection:
        opened = await (await connection.execute(OPEN_SESSION_SQL, values)).fetchone()
    assert opened == (session_id,)
    assert stage.log() == []
    await stage.follow()
    [on] = stage.log()
    assert (on.event, on.session, on.method, on.nas) == ("on", str(session_id), "802.1x", stage.gateway.slug)
    assert (on.mac, on.identity) == (MAC, stage.member.phone)


async def test_two_workers_write_an_end_once(stage: Stage) -> None:
    for _ in range(20):
        sessions.finish(stage.let_in(), "x", at=stage.clock.now())
    stage.makers.done()
    counts = await asyncio.gather(*(stage.follow() for _ in range(4)))
    events = [row.event for row in stage.log()]
    assert sum(counts) == 20
    assert (events.count("on"), events.count("off")) == (20, 20)
    assert service.verify(stage.makers.session, stage.district.id).fault is None


async def test_an_address_that_was_told_late_counts_from_the_beginning(stage: Stage) -> None:
    row, began = stage.let_in(), stage.clock.now()
    accounting(stage.makers, row, "10.1.0.7")
    stage.clock.advance(timedelta(hours=1))
    sessions.finish(row, "User-Request", at=stage.clock.now())
    stage.makers.done()
    await stage.follow()
    question = Question(address="10.1.0.7", at=began + timedelta(minutes=5))
    session, clock = stage.makers.session, stage.clock
    [holder] = reading.search(session, stage.district.id, question, who="test", clock=clock).holders
    session.rollback()
    assert (holder.session, holder.since, holder.until) == (str(row.id), began, clock.now())
