"""Machine time is the database's, whatever this machine shows; what is counted on from it nobody can set."""

from datetime import UTC, datetime, timedelta

import pytest

from district.clock import Reading, SystemClock, counted

NOON = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHORT = timedelta(minutes=1)


def shown() -> datetime:
    """By this machine."""
    return SystemClock().machine_now()


def reading(at: datetime, *, took_s: float = 0.002) -> Reading:
    """The database shows this now."""
    now_s = counted()
    return Reading(at=at, before_s=now_s - took_s, after_s=now_s)


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
def test_a_machine_that_shows_another_time_goes_by_the_database(by: timedelta) -> None:
    clock = SystemClock()
    clock.set_by(reading(shown() - by))
    assert abs(shown() - by - clock.machine_now()) < SHORT
    assert abs(clock.now() - clock.machine_now()) < SHORT


def test_a_machine_that_agrees_shows_its_own_time() -> None:
    clock = SystemClock()
    clock.set_by(reading(shown() + timedelta(milliseconds=200)))
    before = shown()
    assert before <= clock.machine_now() <= shown()


def test_a_reading_that_took_long_is_not_believed() -> None:
    clock = SystemClock()
    clock.set_by(reading(shown() + HOUR, took_s=30.0))
    assert abs(shown() - clock.machine_now()) < SHORT


def test_without_a_database_it_counts_on() -> None:
    clock, now_s = SystemClock(), counted()
    clock.set_by(Reading(at=NOON, before_s=now_s - 600.0, after_s=now_s - 600.0))
    assert abs(clock.machine_now() - (NOON + timedelta(minutes=10))) < SHORT


@pytest.mark.parametrize("by", [HOUR, -HOUR, timedelta(seconds=-3)], ids=["on", "back", "little"])
def test_a_clock_that_was_set_between_two_readings_is_noticed(by: timedelta) -> None:
    first = Reading(at=NOON, before_s=100.0, after_s=100.01)
    later = Reading(at=NOON + timedelta(seconds=60) + by, before_s=160.0, after_s=160.01)
    assert first.step_to(later) == pytest.approx(by, abs=timedelta(seconds=0.1))


def test_a_clock_that_goes_on_was_not_set() -> None:
    first = Reading(at=NOON, before_s=100.0, after_s=100.01)
    assert first.step_to(
        Reading(at=NOON + timedelta(seconds=60), before_s=159.2, after_s=160.1)
    ) == timedelta(0)
