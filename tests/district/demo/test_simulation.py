"""The demo's hour starts where it is told, never goes back, and its evenings end in mornings."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.demo import simulation
from district.demo.simulation import StartInvalid
from tests.factories import Makers

HELSINKI = ZoneInfo("Europe/Helsinki")
SHANGHAI = ZoneInfo("Asia/Shanghai")
MACHINE = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)  # a Saturday in UTC, a Sunday morning in Shanghai


@pytest.mark.parametrize(
    ("typed", "zone", "expected"),
    [
        ("Fri 12:00", HELSINKI, datetime(2026, 11, 20, 10, 0, tzinfo=UTC)),
        ("friday 12:00", SHANGHAI, datetime(2026, 11, 20, 4, 0, tzinfo=UTC)),
        ("Sun 05:00", SHANGHAI, datetime(2026, 11, 21, 21, 0, tzinfo=UTC)),
        ("Sun 07:00", SHANGHAI, datetime(2026, 11, 14, 23, 0, tzinfo=UTC)),  # today's has not come yet
        ("2026-05-01T12:00", HELSINKI, datetime(2026, 5, 1, 9, 0, tzinfo=UTC)),
        ("2026-05-01T12:00+08:00", HELSINKI, datetime(2026, 5, 1, 4, 0, tzinfo=UTC)),
    ],
)
def test_start_is_read_in_the_district_s_zone(typed: str, zone: ZoneInfo, expected: datetime) -> None:
    assert simulation.start_of(typed, zone, machine_now=MACHINE) == expected


@pytest.mark.parametrize("typed", ["", "noon", "Fri", "Fri 25:00", "Nev 12:00", "12:00 Fri"])
def test_what_is_no_time_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(StartInvalid, match="Fri 12:00"):
        simulation.start_of(typed, HELSINKI, machine_now=MACHINE)


@pytest.mark.parametrize(
    ("local", "is_evening"),
    [("21:59:59", False), ("22:00:00", True), ("03:00:00", True), ("09:00:00", False)],
)
def test_the_demo_s_day_is_from_nine_to_ten(local: str, is_evening: bool) -> None:
    at = datetime.fromisoformat(f"2026-05-01T{local}").replace(tzinfo=HELSINKI)
    assert simulation.is_evening(at, HELSINKI) is is_evening


def test_a_first_start_is_the_last_friday_noon(session: Session) -> None:
    clock = FixedClock(MACHINE)
    made = simulation.begin(session, typed=None, speed=2.0, zone=HELSINKI, clock=clock)
    assert made is not None
    assert made.at(MACHINE) == datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    assert made.at(MACHINE + timedelta(minutes=5)) == datetime(2026, 11, 20, 10, 10, tzinfo=UTC)
    assert simulation.stored(session) == made


def test_a_restart_goes_on_at_the_newest_stored_time(
    session: Session, makers: Makers, clock: FixedClock
) -> None:
    simulation.begin(session, typed="2026-05-01T12:00", speed=1, zone=HELSINKI, clock=FixedClock(MACHINE))
    makers.district()  # created at 12:00 of that day
    later = FixedClock(MACHINE + timedelta(days=3))
    made = simulation.begin(session, typed=None, speed=1, zone=HELSINKI, clock=later)
    assert made is not None
    assert made.business_from == clock.now() + simulation.STEP
    assert made.machine_from == later.machine_now()


def test_a_restart_in_the_evening_is_the_next_morning(
    session: Session, makers: Makers, clock: FixedClock
) -> None:
    simulation.begin(session, typed="2026-05-01T12:00", speed=1, zone=HELSINKI, clock=FixedClock(MACHINE))
    clock.advance(timedelta(hours=11))  # 23:00 in Helsinki
    makers.district()
    made = simulation.begin(session, typed=None, speed=1, zone=HELSINKI, clock=FixedClock(MACHINE))
    assert made is not None
    assert made.business_from == datetime(2026, 5, 2, 9, 0, tzinfo=HELSINKI)


def test_business_time_never_goes_back(session: Session, makers: Makers) -> None:
    makers.district()
    with pytest.raises(StartInvalid, match="never goes back"):
        simulation.begin(session, typed="2026-05-01T11:00", speed=1, zone=HELSINKI, clock=FixedClock(MACHINE))
    early = FixedClock(datetime(2026, 4, 1, tzinfo=UTC))
    with pytest.raises(StartInvalid, match="never goes back"):
        simulation.begin(session, typed="now", speed=1, zone=HELSINKI, clock=early)


def test_real_time_needs_no_simulation_and_stays_real(session: Session, makers: Makers) -> None:
    simulation.begin(session, typed="2026-05-01T11:00", speed=1, zone=HELSINKI, clock=FixedClock(MACHINE))
    makers.district()
    assert simulation.begin(session, typed="now", speed=1, zone=HELSINKI, clock=FixedClock(MACHINE)) is None
    assert simulation.stored(session) is None
    assert simulation.begin(session, typed=None, speed=1, zone=HELSINKI, clock=FixedClock(MACHINE)) is None


def test_the_jump_keeps_the_speed_and_goes_forward(session: Session) -> None:
    clock = FixedClock(MACHINE)
    before = simulation.begin(session, typed="2026-05-01T22:10", speed=3, zone=HELSINKI, clock=clock)
    assert before is not None
    after = simulation.jump_to_morning(session, before, HELSINKI, clock=clock)
    assert after.at(MACHINE) == datetime(2026, 5, 2, 9, 0, tzinfo=HELSINKI)
    assert after.speed == 3
    assert after.at(MACHINE) > before.at(MACHINE)
