"""Schedules: each slot exactly once, as declared, in every zone and across every change of its clocks until 2035."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push import occurrences
from push.occurrences import DstPolicy, Fold, Gap, Schedule
from tests.push.zone_changes import Pieces, clock_times, distinct_zones, expected, pieces_of

POLICIES = [DstPolicy(gap=gap, fold=fold) for gap in Gap for fold in Fold]
AROUND = timedelta(hours=15)
HOURS = ",".join(str(hour) for hour in range(24))
NEW_YORK = ZoneInfo("America/New_York")


@cache
def hourly(minute: int, policy: DstPolicy) -> Schedule:
    return occurrences.read(
        f"DTSTART:20191201T00{minute:02}00\nRRULE:FREQ=DAILY;BYHOUR={HOURS};BYMINUTE={minute}", dst=policy
    )


def check(name: str, pieces: Pieces, minutes: list[int]) -> int:
    """Around each change of the zone; how many slots were compared."""
    zone, compared = ZoneInfo(name), 0
    for change in pieces[1:]:
        at = datetime.fromtimestamp(change.start_s, UTC)
        since, until = at - AROUND, at + AROUND
        for minute in minutes:
            walls = clock_times(since, until, minute=minute)
            for policy in POLICIES:
                slots = hourly(minute, policy).between(since, until, default_zone=zone)
                wanted = expected(
                    pieces,
                    walls,
                    shifts=policy.gap is Gap.SHIFT,
                    both=policy.fold is Fold.BOTH,
                    since=since,
                    until=until,
                )
                assert [slot.starts_at for slot in slots] == wanted, (name, at, minute, policy)
                compared += len(wanted)
    return compared


def test_every_change_of_every_zone_gives_each_slot_once_as_declared() -> None:
    zones = distinct_zones()
    assert sum(len(names) for names in zones.values()) > 550
    assert len(zones) > 60
    compared = sum(check(names[0], pieces, [0, 30]) for pieces, names in zones.items())
    assert compared > 250_000


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_every_zone_by_its_own_name_and_quarter_hours() -> None:
    for names in distinct_zones().values():
        for name in names:
            check(name, pieces_of(name), [0, 15, 30, 45])


def test_zones_without_changes_have_a_slot_an_hour() -> None:
    since, until = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 11, tzinfo=UTC)
    slots = hourly(0, DstPolicy()).between(since, until, default_zone=ZoneInfo("Asia/Shanghai"))
    assert [slot.starts_at for slot in slots] == [since + timedelta(hours=hour) for hour in range(240)]


@pytest.mark.parametrize(
    ("gap", "hours"), [(Gap.SHIFT, [7, 7, 6]), (Gap.SKIP, [7, 6])], ids=["shift", "skip"]
)
def test_a_skipped_half_past_two_moves_or_is_left_out(gap: Gap, hours: list[int]) -> None:
    schedule = occurrences.read(
        "DTSTART;TZID=America/New_York:20260307T023000\nRRULE:FREQ=DAILY;COUNT=3", dst=DstPolicy(gap=gap)
    )
    slots = schedule.between(
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), default_zone=ZoneInfo("UTC")
    )
    assert [(slot.starts_at.hour, slot.starts_at.minute) for slot in slots] == [(hour, 30) for hour in hours]


@pytest.mark.parametrize(("fold", "hours"), [(Fold.FIRST, [5]), (Fold.BOTH, [5, 6])], ids=["first", "both"])
def test_a_repeated_half_past_one_counts_once_or_twice(fold: Fold, hours: list[int]) -> None:
    schedule = occurrences.read("DTSTART:20261101T013000\nRRULE:FREQ=DAILY;COUNT=1", dst=DstPolicy(fold=fold))
    slots = schedule.upcoming(datetime(2026, 10, 1, tzinfo=UTC), default_zone=NEW_YORK, most=5)
    assert [(slot.starts_at.hour, slot.as_second) for slot in slots] == [
        (hour, number == 1) for number, hour in enumerate(hours)
    ]


def test_midnight_of_the_night_in_which_clocks_spring_forward_is_not_lost() -> None:
    """What another scheduler does with a cron line of midnight."""
    schedule = occurrences.read("DTSTART:20260301T000000\nRRULE:FREQ=DAILY")
    days = schedule.between(
        datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 11, 4, tzinfo=UTC), default_zone=NEW_YORK
    )
    assert [slot.wall.day for slot in days] == [7, 8, 9, 10]


def test_a_time_that_shifts_onto_another_slot_is_one_slot() -> None:
    schedule = occurrences.read("DTSTART:20260308T023000\nRRULE:FREQ=DAILY;BYHOUR=2,3")
    slots = schedule.between(
        datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC), default_zone=NEW_YORK
    )
    assert [slot.starts_at for slot in slots] == [datetime(2026, 3, 8, 7, 30, tzinfo=UTC)]


def test_until_in_utc_is_an_instant_and_else_a_clock_time() -> None:
    since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)
    for end, last in (("20260503T160000Z", 3), ("20260504T110000", 4), ("20260505", 5)):
        schedule = occurrences.read(
            f"DTSTART;TZID=Asia/Shanghai:20260501T110000\nRRULE:FREQ=DAILY;UNTIL={end}"
        )
        slots = schedule.between(since, until, default_zone=ZoneInfo("UTC"))
        assert [slot.wall.day for slot in slots] == list(range(1, last + 1))


@given(
    st.sampled_from(["Europe/Helsinki", "Australia/Lord_Howe", "America/New_York", "Africa/Casablanca"]),
    st.integers(0, 2 * 365 * 24 * 60),
    st.integers(0, 60 * 24 * 60),
    st.integers(0, 60 * 24 * 60),
    st.sampled_from(POLICIES),
)
def test_two_windows_that_meet_hold_what_the_whole_holds(
    name: str, start: int, first: int, second: int, policy: DstPolicy
) -> None:
    zone, since = ZoneInfo(name), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    middle, until = since + timedelta(minutes=first), since + timedelta(minutes=first + second)
    schedule = hourly(30, policy)
    whole = schedule.between(since, until, default_zone=zone)
    parts = (
        *schedule.between(since, middle, default_zone=zone),
        *schedule.between(middle, until, default_zone=zone),
    )
    assert whole == parts
