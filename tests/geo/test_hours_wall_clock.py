"""Wall times and instants: one instant each, never backwards."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.wall_clock import TimeNaive, day_start, instant, trading_day, wall_time

ZONES = [
    ZoneInfo(name)
    for name in ("Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai", "America/New_York", "Pacific/Apia")
]
WALLS = st.datetimes(datetime.fromisoformat("2011-12-20"), datetime.fromisoformat("2027-01-01"))


@given(first=WALLS, seconds=st.integers(0, 200_000), zone=st.sampled_from(ZONES))
def test_a_later_wall_time_is_never_an_earlier_instant(first: datetime, seconds: int, zone: ZoneInfo) -> None:
    assert instant(first, zone) <= instant(first + timedelta(seconds=seconds), zone)


@given(wall=WALLS, zone=st.sampled_from(ZONES))
def test_an_ordinary_wall_time_comes_back(wall: datetime, zone: ZoneInfo) -> None:
    local = wall.replace(tzinfo=zone)
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        assert wall_time(instant(wall, zone), zone) == wall


@pytest.mark.parametrize(
    ("wall", "zone", "expected"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00+00:00"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30+00:00"),
        ("2026-10-25T03:00", "Europe/Berlin", "2026-10-25T02:00+00:00"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-03T15:30+00:00"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00+00:00"),
    ],
)
def test_skipped_and_repeated_times_have_one_instant(wall: str, zone: str, expected: str) -> None:
    assert instant(datetime.fromisoformat(wall), ZoneInfo(zone)) == datetime.fromisoformat(expected)


def test_the_second_pass_of_a_repeated_hour_is_its_last_minute() -> None:
    second_pass = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert wall_time(second_pass, ZoneInfo("Europe/Berlin")) == datetime(2026, 10, 25, 2, 59)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-05-05T05:59:59+08:00", date(2026, 5, 4)),
        ("2026-05-05T06:00:00+08:00", date(2026, 5, 5)),
        ("2026-05-04T22:00:00+00:00", date(2026, 5, 5)),
    ],
)
def test_a_trading_day_begins_at_its_own_hour(moment: str, expected: date) -> None:
    assert trading_day(datetime.fromisoformat(moment), time(6), ZoneInfo("Asia/Shanghai")) == expected


def test_a_trading_day_is_as_long_as_its_clocks_say() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    starts = [day_start(date(2026, 10, day), time(6), berlin) for day in (24, 25, 26)]
    assert [later - earlier for earlier, later in pairwise(starts)] == [
        timedelta(hours=25),
        timedelta(hours=24),
    ]


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(TimeNaive):
        trading_day(datetime(2026, 5, 5), time(6), ZONES[0])  # noqa: DTZ001
