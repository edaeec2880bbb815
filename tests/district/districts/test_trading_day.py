"""Trading days through every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from district.database import new_id
from district.districts.service import DistrictInfo
from geo.coordinates import LonLat
from geo.datum import Datum

ZONES = (
    "Europe/Helsinki",
    "Asia/Shanghai",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Atlantic/Azores",
    "Pacific/Apia",
    "Asia/Kathmandu",
)


def district(zone: str, start: time = time(6)) -> DistrictInfo:
    return DistrictInfo(
        id=new_id(),
        slug="d",
        name="D",
        name_zh="",
        center=LonLat(lon=0, lat=0),
        zone=ZoneInfo(zone),
        day_start=start,
        datum=Datum.WGS84,
        currency="EUR",
        alias_key=b"k" * 32,
    )


@pytest.mark.parametrize(
    ("zone", "start", "day", "starts_at"),
    [
        ("Europe/Helsinki", time(6), date(2026, 5, 1), "2026-05-01T03:00Z"),
        ("Asia/Shanghai", time(6), date(2026, 5, 1), "2026-04-30T22:00Z"),
        # 03:00-04:00 does not exist: the day starts at 04:00, not at 04:30.
        ("Europe/Helsinki", time(3, 30), date(2026, 3, 29), "2026-03-29T01:00Z"),
        ("Europe/Helsinki", time(3), date(2026, 3, 29), "2026-03-29T01:00Z"),
        ("Europe/Helsinki", time(4), date(2026, 3, 29), "2026-03-29T01:00Z"),
        # 03:30 comes twice: the first one.
        ("Europe/Helsinki", time(3, 30), date(2026, 10, 25), "2026-10-25T00:30Z"),
        ("America/Santiago", time(0), date(2026, 9, 6), "2026-09-06T04:00Z"),
        # A half-hour change.
        ("Australia/Lord_Howe", time(2, 15), date(2026, 10, 4), "2026-10-03T15:30Z"),
        # The whole day was left out.
        ("Pacific/Apia", time(6), date(2011, 12, 30), "2011-12-30T10:00Z"),
    ],
)
def test_day_starts_at(zone: str, start: time, day: date, starts_at: str) -> None:
    expected = datetime.fromisoformat(starts_at)
    assert district(zone, start).day_starts_at(day) == expected


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-29T00:59:59Z", date(2026, 3, 28)),
        ("2026-03-29T01:00:00Z", date(2026, 3, 29)),
        ("2026-10-25T00:29:59Z", date(2026, 10, 24)),
        ("2026-10-25T00:30:00Z", date(2026, 10, 25)),
        ("2026-10-25T01:10:00Z", date(2026, 10, 25)),  # 03:10 again, after the day has begun
    ],
)
def test_trading_day_at_a_change_of_the_clocks(at: str, day: date) -> None:
    assert district("Europe/Helsinki", time(3, 30)).trading_day(datetime.fromisoformat(at)) == day


MINUTES = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))
INSTANTS = st.datetimes(
    datetime(2011, 1, 1),  # noqa: DTZ001 Hypothesis adds the zone
    datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), MINUTES, INSTANTS)
def test_an_instant_lies_in_its_trading_day(zone: str, start: time, at: datetime) -> None:
    info = district(zone, start)
    day = info.trading_day(at)
    assert info.day_starts_at(day) <= at < info.day_starts_at(day + timedelta(days=1))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZONES), MINUTES, INSTANTS, st.integers(0, 7200))
def test_trading_days_never_go_back(zone: str, start: time, at: datetime, seconds: int) -> None:
    info = district(zone, start)
    assert info.trading_day(at) <= info.trading_day(at + timedelta(seconds=seconds))
