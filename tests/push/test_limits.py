"""Caps as slots, trading days and quiet hours, also on the nights when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.consent import Channel
from push.limits import (
    CapRule,
    CapScope,
    Period,
    QuietHours,
    TradingDay,
    is_full,
    quiet_until,
    reservation,
)
from tests.push.makers import FRIDAY_NOON, HELSINKI

DAY = TradingDay(zone=HELSINKI)
OWNER = UUID(int=7)
TICK = timedelta(microseconds=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
SANTIAGO = ZoneInfo("America/Santiago")
MOMENTS = st.integers(0, 6 * 366 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def wanted(per: Period, n: int = 1, now: datetime = FRIDAY_NOON) -> tuple[str, datetime]:
    one = reservation(CapScope.CAMPAIGN, CapRule(n=n, per=per), owner=OWNER, now=now, day=DAY)
    return one.scope, one.reusable_at_or_before


def test_a_daily_slot_is_free_again_when_the_trading_day_begins() -> None:
    scope, reusable = wanted(Period.DAY)
    begins = datetime(2026, 5, 8, 3, 0, tzinfo=UTC)
    assert scope == f"campaign:{OWNER}:day"
    assert reusable == begins - TICK


def test_before_six_it_is_still_yesterday() -> None:
    _, reusable = wanted(Period.DAY, now=datetime(2026, 5, 8, 2, 59, tzinfo=UTC))
    assert reusable == datetime(2026, 5, 7, 3, 0, tzinfo=UTC) - TICK


def test_a_slot_of_seven_days_rolls() -> None:
    assert wanted(Period.SEVEN_DAYS) == (f"campaign:{OWNER}:7d", FRIDAY_NOON - timedelta(days=7))


def test_a_slot_of_the_total_is_never_free_again() -> None:
    _, reusable = wanted(Period.TOTAL)
    assert reusable < datetime(1970, 1, 1, tzinfo=UTC)


def test_the_district_itself_owns_the_global_scope() -> None:
    one = reservation(CapScope.GLOBAL, CapRule(n=2, per=Period.DAY), now=FRIDAY_NOON, day=DAY)
    assert (one.scope, one.slots) == ("global:day", 2)


def test_a_cap_is_full_when_all_its_slots_are_taken_in_the_period() -> None:
    one = reservation(CapScope.GLOBAL, CapRule(n=2, per=Period.SEVEN_DAYS), now=FRIDAY_NOON, day=DAY)
    old, fresh = FRIDAY_NOON - timedelta(days=7), FRIDAY_NOON - timedelta(days=7) + TICK
    assert is_full(one, {"global:7d": (fresh, fresh)})
    assert not is_full(one, {"global:7d": (fresh, old)})
    assert not is_full(one, {"global:day": (fresh, fresh)})


def test_a_cap_that_lets_nothing_through_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        CapRule(n=0, per=Period.DAY)


@given(
    now=MOMENTS,
    zone=st.sampled_from([HELSINKI, SHANGHAI, SANTIAGO, ZoneInfo("Australia/Lord_Howe")]),
    starts_at=st.sampled_from([time(0), time(2, 30), time(6)]),
)
def test_every_moment_belongs_to_exactly_one_trading_day(
    now: datetime, zone: ZoneInfo, starts_at: time
) -> None:
    day = TradingDay(zone=zone, starts_at=starts_at)
    start, end = day.start(now), day.end(now)
    assert start <= now < end
    assert day.on(start) == day.on(end - TICK) == day.on(now)
    assert day.on(end) == day.on(now) + timedelta(days=1)
    assert timedelta(hours=22) <= end - start <= timedelta(hours=26)


def test_a_trading_day_that_starts_at_a_skipped_midnight_starts_after_the_gap() -> None:
    day = TradingDay(zone=SANTIAGO, starts_at=time(0))
    noon = datetime(2026, 9, 6, 15, 0, tzinfo=UTC)
    assert (day.on(noon), day.start(noon)) == (date(2026, 9, 6), datetime(2026, 9, 6, 4, 0, tzinfo=UTC))


def local(hour: int, minute: int = 0, day: int = 8) -> datetime:
    return datetime(2026, 5, day, hour, minute, tzinfo=HELSINKI).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (local(20, 59), None),
        (local(21), local(9, day=9)),
        (local(23, 59), local(9, day=9)),
        (local(0, day=9), local(9, day=9)),
        (local(8, 59, day=9), local(9, day=9)),
        (local(9, day=9), None),
    ],
)
def test_quiet_is_from_nine_to_nine(now: datetime, until: datetime | None) -> None:
    assert QuietHours().until(now, HELSINKI) == until


def test_quiet_hours_within_one_day_do_not_span_midnight() -> None:
    siesta = QuietHours(start=time(13), end=time(15))
    assert siesta.until(local(14), HELSINKI) == local(15)
    assert siesta.until(local(23), HELSINKI) is None


def test_quiet_hours_of_no_length_are_never() -> None:
    assert QuietHours(start=time(9), end=time(9)).until(local(9), HELSINKI) is None


def test_the_short_night_is_an_hour_shorter_and_the_long_one_longer() -> None:
    spring = QuietHours().until(datetime(2026, 3, 28, 20, 0, tzinfo=UTC), HELSINKI)
    autumn = QuietHours().until(datetime(2026, 10, 24, 20, 0, tzinfo=UTC), HELSINKI)
    assert spring == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 7, 0, tzinfo=UTC)


@given(now=MOMENTS)
def test_quiet_is_what_the_clock_on_the_wall_says(now: datetime) -> None:
    shown = now.astimezone(HELSINKI).time()
    is_quiet = shown >= time(21) or shown < time(9)
    assert (QuietHours().until(now, HELSINKI) is not None) == is_quiet


@pytest.mark.parametrize("channel", [one for one in Channel if one is not Channel.INBOX])
def test_everything_but_the_inbox_keeps_quiet(channel: Channel) -> None:
    at_night = local(22)
    asked = {
        one: quiet_until(one, now=at_night, member_zone=None, district_zone=HELSINKI, hours=QuietHours())
        for one in (channel, Channel.INBOX)
    }
    assert asked == {channel: local(9, day=9), Channel.INBOX: None}


def test_the_members_own_zone_counts_before_the_districts() -> None:
    evening = local(17)
    until = quiet_until(
        Channel.SMS, now=evening, member_zone=SHANGHAI, district_zone=HELSINKI, hours=QuietHours()
    )
    assert until == datetime(2026, 5, 9, 1, 0, tzinfo=UTC)
