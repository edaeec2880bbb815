"""Sessions that must end and do not are seen: by an alarm, and by figures."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.gateways import endings, sessions
from district.members.models import Alarm
from district.radius.ending_jobs import Endings
from district.radius.models import NasClock
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


def alarms(committed: Makers, district: District) -> list[Alarm]:
    committed.session.rollback()
    committed.session.expire_all()
    return list(committed.session.scalars(select(Alarm).where(Alarm.district_id == district.id)))


def test_sessions_that_wait_too_long_are_one_alarm(
    committed: Makers, district: District, engine: Engine, settings: Settings, clock: FixedClock
) -> None:
    for name in ("one", "two"):
        sessions.ask_to_end(
            committed.session, district.id, reason="withdrawn", clock=clock, radius_session_id=name
        )
    committed.done()
    worker = Endings(sessions=make_sessions(engine), settings=settings, clock=clock)
    clock.advance(endings.PATIENCE)
    worker.watch()
    assert alarms(committed, district) == []
    for _ in range(2):
        clock.advance(timedelta(seconds=1))
        worker.watch()
    (alarm,) = alarms(committed, district)
    assert (alarm.kind, alarm.times) == ("session_endings_wait", 2)
    assert (alarm.detail["waiting"], alarm.detail["oldest_s"]) == (2, 122)


async def test_what_waits_and_wrong_clocks_are_figures(
    client: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock, engine: Engine
) -> None:
    await refresh(client._transport.app)  # type: ignore[attr-defined]  # the client's own application
    sessions.ask_to_end(committed.session, district.id, reason="banned", clock=clock, radius_session_id="one")
    committed.done()
    with Session(engine) as session:
        now = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    for nas, ahead_s in (("10.0.0.1", 86_400), ("10.0.0.2", 3)):
        committed.session.add(
            NasClock(district_id=district.id, nas=nas, ahead_s=ahead_s, packets=ahead_s, heard_at=now)
        )
    committed.done()
    text = (await client.get("/metrics")).text
    mark = f'{{district="{district.slug}"}}'
    assert f"shangquan_session_endings_waiting{mark} 1.0" in text
    assert f"shangquan_nas_clocks_wrong{mark} 1.0" in text
    assert f"shangquan_nas_times_disbelieved{mark} 86403.0" in text
