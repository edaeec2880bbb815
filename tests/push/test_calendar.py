"""The trading days that a rule lets through, and when that changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.public_holidays import is_public_holiday
from push.calendar import OpenDays
from push.campaign import closes_at, may_offer, next_change
from push.limits import TradingDay
from push.rule import HolidayRule, When
from tests.push.makers import campaign

SHANGHAI = ZoneInfo("Asia/Shanghai")
SANTIAGO = ZoneInfo("America/Santiago")
SECOND = timedelta(seconds=1)


def open_days(when: When, zone: ZoneInfo = SHANGHAI) -> OpenDays:
    return OpenDays(when=when, day=TradingDay(zone=zone), is_holiday=lambda day: is_public_holiday(day, "CN"))


def shanghai(day: int, hour: int, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=SHANGHAI).astimezone(UTC)


def test_a_blackout_day_lasts_from_six_to_six() -> None:
    days = open_days(When(blackout=frozenset({date(2026, 11, 11)})))
    asked = [shanghai(11, 5, 11), shanghai(11, 6, 11), shanghai(12, 5, 11), shanghai(12, 6, 11)]
    assert [days.is_open(now) for now in asked] == [True, False, False, True]
    assert days.next_change(asked[0]) == asked[1]
    assert days.next_change(asked[1]) == asked[3]


@pytest.mark.parametrize(("rule", "expected"), [("off", [True, False]), ("only", [False, True])])
def test_holidays_are_off_or_the_only_days(rule: str, expected: list[bool]) -> None:
    days = open_days(When(public_holidays=HolidayRule(rule)))
    assert [days.is_open(shanghai(30, 12, 9)), days.is_open(shanghai(4, 12))] == expected
    assert days.next_change(shanghai(4, 12)) == shanghai(8, 6)


def test_a_blackout_comes_before_a_holiday() -> None:
    days = open_days(When(public_holidays=HolidayRule.ONLY, blackout=frozenset({date(2026, 10, 2)})))
    assert [days.is_open(shanghai(day, 12)) for day in (1, 2, 3)] == [True, False, True]


def test_days_that_never_change_say_so() -> None:
    days = open_days(When(blackout=frozenset({date(2020, 1, 1)})))
    assert days.next_change(shanghai(1, 12)) is None


@given(
    now=st.integers(0, 395 * 86_400).map(lambda s: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(seconds=s)),
    rule=st.sampled_from(HolidayRule),
    blackout=st.frozensets(st.dates(date(2025, 12, 1), date(2027, 1, 31)), max_size=5),
    zone=st.sampled_from([SHANGHAI, SANTIAGO]),
)
def test_nothing_changes_before_the_next_change(
    now: datetime, rule: HolidayRule, blackout: frozenset[date], zone: ZoneInfo
) -> None:
    days = open_days(When(public_holidays=rule, blackout=blackout), zone)
    is_open, change = days.is_open(now), days.next_change(now)
    end = change or now + timedelta(days=30)
    steps = [now + (end - now) * number / 50 for number in range(50)]
    assert all(days.is_open(at) is is_open for at in steps)
    if change is not None:
        assert change > now
        assert days.is_open(change) is not is_open
        assert days.is_open(change - SECOND) is is_open


def test_a_campaign_keeps_to_its_days_and_closes_when_they_end() -> None:
    rule = {"when": {"public_holidays": "only"}}
    made = campaign(rule)
    days = OpenDays(
        when=made.rule.when,
        day=TradingDay(zone=SHANGHAI, starts_at=time(6)),
        is_holiday=lambda day: is_public_holiday(day, "CN"),
    )
    live = campaign(rule, days=days)
    golden = shanghai(7, 12)
    assert may_offer(live, golden)
    assert closes_at(live, golden) == next_change(live, golden) == shanghai(8, 6)
    assert not may_offer(live, shanghai(8, 12))
    assert not may_offer(made, golden), "days that were not compiled are not open"


def test_the_rules_own_dates_bound_it_besides_the_campaigns() -> None:
    starts, ends = shanghai(1, 9), shanghai(1, 17)
    live = campaign({"when": {"starts_at": "2026-10-01T09:00:00+08:00", "ends_at": "2026-10-01T09:00:00Z"}})
    asked = [starts - SECOND, starts, ends - SECOND, ends]
    assert [may_offer(live, now) for now in asked] == [False, True, True, False]
    assert closes_at(live, starts) == ends
    assert [next_change(live, now) for now in asked] == [starts, ends, ends, None]
