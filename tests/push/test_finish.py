"""When a queue is through: at its pace, over the nights, each sort in its turn."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.finish import Wave, finishes
from push.limits import QuietHours

HELSINKI = ZoneInfo("Europe/Helsinki")
NIGHT = QuietHours(start=time(21), end=time(9))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 5, day, hour, minute, tzinfo=HELSINKI).astimezone(UTC)


def wave(count: int, due_at: datetime, of: str = "a", send_before: datetime | None = None) -> Wave:
    return Wave(count=count, due_at=due_at, of=of, send_before=send_before)


def test_a_queue_takes_its_count_by_its_pace() -> None:
    found = finishes([wave(300, at(1, 12))], per_minute=10, now=at(1, 12), quiet=(), zone=HELSINKI)
    assert found["a"].at == at(1, 12, 30)


def test_without_a_known_pace_everything_leaves_when_it_is_due() -> None:
    found = finishes([wave(9, at(1, 15))], per_minute=None, now=at(1, 12), quiet=(NIGHT,), zone=HELSINKI)
    assert found["a"].at == at(1, 15)


def test_what_the_night_cuts_off_goes_on_in_the_morning() -> None:
    found = finishes([wave(900, at(1, 20))], per_minute=10, now=at(1, 20), quiet=(NIGHT,), zone=HELSINKI)
    assert found["a"].at == at(2, 9, 30)  # an hour before 21:00, the other half hour after 09:00


def test_who_comes_in_quiet_hours_waits_for_their_end() -> None:
    found = finishes([wave(10, at(1, 23))], per_minute=10, now=at(1, 22), quiet=(NIGHT,), zone=HELSINKI)
    assert found["a"].at == at(2, 9, 1)


def test_two_quiet_hours_both_hold() -> None:
    noon = QuietHours(start=time(9), end=time(13))
    found = finishes([wave(10, at(1, 23))], per_minute=10, now=at(1, 22), quiet=(NIGHT, noon), zone=HELSINKI)
    assert found["a"].at == at(2, 13, 1)


def test_sorts_share_one_way_out_in_the_order_in_which_they_are_due() -> None:
    waves = [wave(100, at(1, 12, 5), "late"), wave(100, at(1, 12), "early"), wave(100, at(1, 12, 6), "early")]
    found = finishes(waves, per_minute=10, now=at(1, 12), quiet=(), zone=HELSINKI)
    assert (found["late"].at, found["early"].at) == (at(1, 12, 20), at(1, 12, 30))
    assert found["early"].count == 200


def test_what_would_be_too_late_is_counted() -> None:
    ends = at(1, 12, 15)
    waves = [wave(100, at(1, 12), send_before=ends), wave(100, at(1, 12, 1), send_before=ends)]
    found = finishes(waves, per_minute=10, now=at(1, 12), quiet=(), zone=HELSINKI)
    assert (found["a"].late, found["a"].count) == (100, 200)


@pytest.mark.parametrize("quiet", [(), (NIGHT,), (QuietHours(start=time(6), end=time(6)),)], ids=len)
@given(
    st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 3_000)), min_size=1, max_size=6),
    st.floats(0.5, 500),
)
def test_nothing_finishes_early_or_in_the_quiet(
    quiet: tuple[QuietHours, ...], given_waves: list[tuple[int, int]], pace: float
) -> None:
    now = at(1, 12)
    waves = [wave(count, now + timedelta(minutes=minute)) for count, minute in given_waves]
    found = finishes(waves, per_minute=pace, now=now, quiet=quiet, zone=HELSINKI)["a"]
    total = sum(count for count, _ in given_waves)
    assert found.at >= now + timedelta(minutes=total / pace) - timedelta(milliseconds=1)
    for hours in quiet:
        until = hours.until(found.at - timedelta(microseconds=1), HELSINKI)
        assert until is None or until <= found.at + timedelta(microseconds=1)
