"""Opening hours: read once, evaluated on the wall clock of a zone, unknown rather than wrong."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import LonLat
from geo.hours import TEXT_LIMIT, CountryUnknown, Hours, HoursInvalid, Window
from geo.wall_clock import TimeNaive

BERLIN = ZoneInfo("Europe/Berlin")
HELSINKI = ZoneInfo("Europe/Helsinki")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local(text: str, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-05-05T09:59:59+08:00", False),
        ("2026-05-05T10:00:00+08:00", True),
        ("2026-05-05T11:59:59Z", True),
        ("2026-05-05T12:00:00Z", False),
        ("2026-05-10T12:00:00+08:00", False),
    ],
)
def test_hours_are_half_open_on_the_clock_of_their_zone(moment: str, expected: bool) -> None:
    hours = Hours.parse("Mo-Sa 10:00-20:00", zone=SHANGHAI)
    assert hours.is_open(at(moment)) is expected


def test_a_bar_is_open_past_midnight_and_shut_after() -> None:
    hours = Hours.parse("Fr-Sa 18:00-02:00", zone=SHANGHAI)
    assert hours.is_open(at("2026-05-10T01:30+08:00")) is True
    assert hours.closes_at(at("2026-05-09T23:00+08:00")) == at("2026-05-10T02:00+08:00")
    assert hours.is_open(at("2026-05-10T02:00+08:00")) is False
    assert hours.opens_at(at("2026-05-10T02:00+08:00")) == at("2026-05-15T18:00+08:00")


def test_hours_beyond_twenty_four_run_into_the_next_day() -> None:
    hours = Hours.parse("Mo-Su 18:00-28:00", zone=SHANGHAI)
    assert hours.closes_at(at("2026-05-05T23:00+08:00")) == at("2026-05-06T04:00+08:00")


def test_the_next_change_is_told_in_utc() -> None:
    """Two times of one zone compare wrongly across a repeated hour; UTC never does (PEP 495)."""
    closes = Hours.parse("10:00-20:00", zone=HELSINKI).closes_at(at("2026-11-20T12:00+02:00"))
    assert closes is not None
    assert closes.isoformat() == "2026-11-20T18:00:00+00:00"


@pytest.mark.parametrize(
    "text", [None, "", "   ", "Su-Th 15-00; Fr-Sa 15-02", "10:00-20:00" + " " * 600 + "x", "\x00"]
)
def test_what_cannot_be_read_is_unknown_and_never_changes(text: str | None) -> None:
    hours = Hours.read(text, zone=BERLIN)
    moment = at("2026-05-05T12:00Z")
    assert not hours.is_known
    assert hours.is_open(moment) is None
    assert (hours.next_change(moment), hours.opens_at(moment), hours.closes_at(moment)) == (None, None, None)


@pytest.mark.parametrize(
    "text", ['"for request only"', 'Mo-Su 10:00-20:00 "by appointment"', "Mo-Su 10:00-20:00 unknown"]
)
def test_hours_that_hang_on_a_note_are_unknown(text: str) -> None:
    assert Hours.read(text, zone=BERLIN).is_open(at("2026-05-05T12:00Z")) is None


def test_a_note_on_hours_declared_open_does_not_matter() -> None:
    hours = Hours.parse('Mo-Fr 11:00-15:00 open "Lunch"; We-Fr 17:00-22:00 open "Dinner"', zone=HELSINKI)
    assert hours.is_open(at("2026-05-05T12:00+03:00")) is True
    assert hours.closes_at(at("2026-05-05T12:00+03:00")) == at("2026-05-05T15:00+03:00")


def test_a_change_of_note_alone_is_no_change() -> None:
    hours = Hours.parse('10:00-14:00 open "a", 14:00-20:00 open "b"', zone=SHANGHAI)
    assert hours.closes_at(at("2026-05-05T12:00+08:00")) == at("2026-05-05T20:00+08:00")


def test_always_open_never_closes() -> None:
    hours = Hours.parse("24/7", zone=BERLIN)
    assert hours.is_open(at("2026-05-05T12:00Z")) is True
    assert hours.closes_at(at("2026-05-05T12:00Z")) is None


def test_a_gap_swallows_what_was_scheduled_in_it() -> None:
    """On 2026-03-29 Berlin's clocks go from 02:00 to 03:00, at 01:00 UTC."""
    bar = Hours.parse("22:00-02:30", zone=BERLIN)
    early = Hours.parse("02:30-05:00", zone=BERLIN)
    lost = Hours.parse("02:10-02:50", zone=BERLIN)
    before = at("2026-03-29T00:59Z")
    assert bar.closes_at(before) == at("2026-03-29T01:00Z")
    assert bar.is_open(at("2026-03-29T01:00Z")) is False
    assert early.opens_at(before) == at("2026-03-29T01:00Z")
    assert lost.opens_at(before) == local("2026-03-30T02:10", BERLIN)


def test_a_repeated_hour_happens_once() -> None:
    """On 2026-10-25 Berlin's clocks show 02:00-03:00 twice: from 00:00 UTC and from 01:00 UTC."""
    bar = Hours.parse("22:00-02:30", zone=BERLIN)
    assert bar.closes_at(at("2026-10-24T23:00Z")) == at("2026-10-25T00:30Z")
    assert bar.is_open(at("2026-10-25T00:29Z")) is True
    assert bar.is_open(at("2026-10-25T00:30Z")) is False
    assert bar.is_open(at("2026-10-25T01:15Z")) is False
    assert bar.opens_at(at("2026-10-25T01:15Z")) == local("2026-10-25T22:00", BERLIN)


def test_hours_through_a_repeated_hour_last_an_hour_longer() -> None:
    bar = Hours.parse("22:00-04:00", zone=BERLIN)
    opened = at("2026-10-24T20:00Z")
    closes = bar.closes_at(opened)
    assert closes is not None
    assert closes.astimezone(UTC) - opened == timedelta(hours=7)


def test_public_holidays_count_only_with_a_country() -> None:
    text, christmas = "Mo-Su 10:00-20:00; PH off", at("2026-12-25T12:00+02:00")
    assert Hours.parse(text, zone=HELSINKI).is_open(christmas) is True
    assert Hours.parse(text, zone=HELSINKI, country="FI").is_open(christmas) is False


def test_chinas_national_day_is_a_holiday() -> None:
    hours = Hours.parse("Mo-Su 10:00-20:00; PH off", zone=SHANGHAI, country="CN")
    assert hours.is_open(at("2026-10-01T12:00+08:00")) is False


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(CountryUnknown, match="XX"):
        Hours.read("24/7", zone=BERLIN, country="XX")


def test_hours_that_follow_the_sun_need_a_location() -> None:
    text, noon = "sunrise-sunset", at("2026-12-05T12:00+01:00")
    assert Hours.read(text, zone=BERLIN).is_open(noon) is None
    closes = Hours.parse(text, zone=BERLIN, location=LonLat(lon=13.4, lat=52.5)).closes_at(noon)
    assert closes is not None
    assert at("2026-12-05T15:45+01:00") < closes < at("2026-12-05T16:05+01:00")


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(TimeNaive, match="offset"):
        Hours.parse("24/7", zone=BERLIN).is_open(datetime(2026, 5, 5, 12))  # noqa: DTZ001


def test_a_window_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(HoursInvalid, match="character 19") as refusal:
        Window(expression="Mo-Fr 10:00-20:00,Sa", zone=BERLIN)
    assert refusal.value.column == 19


@pytest.mark.parametrize("text", ["", "  ", "10:00-20:00; " * TEXT_LIMIT])
def test_an_empty_or_endless_window_is_refused(text: str) -> None:
    with pytest.raises(HoursInvalid):
        Window(expression=text, zone=BERLIN)


def test_a_window_opens_and_shuts() -> None:
    window = Window(expression="Mo-Fr 11:00-13:30", zone=SHANGHAI)
    monday = at("2026-05-04T12:00+08:00")
    assert window.is_open(monday)
    assert window.next_change(monday) == at("2026-05-04T13:30+08:00")
    assert not window.is_open(at("2026-05-04T13:30+08:00"))
    assert window.next_change(at("2026-05-08T13:30+08:00")) == at("2026-05-11T11:00+08:00")


def test_what_a_window_leaves_unknown_is_shut() -> None:
    window = Window(expression="10:00-12:00 unknown; 14:00-15:00", zone=SHANGHAI)
    moment = at("2026-05-04T11:00+08:00")
    assert not window.is_open(moment)
    assert window.next_change(moment) == at("2026-05-04T14:00+08:00")


def test_windows_with_the_same_words_are_equal() -> None:
    assert Window(expression="24/7", zone=BERLIN) == Window(expression="24/7", zone=ZoneInfo("Europe/Berlin"))


EXPRESSIONS = st.sampled_from(
    [
        "22:00-02:30",
        "02:30-05:00",
        "01:00-02:00",
        "02:10-02:20,02:40-02:50",
        "Sa 20:00-26:15; Su 12:00-18:00",
        "00:00-02:00,03:00-24:00",
        'Mo-Su 09:00-17:00; Mar 25-31 01:00-03:00 "maybe"',
    ]
)
SPRING = (datetime.fromisoformat("2026-03-28T20:00"), datetime.fromisoformat("2026-03-29T06:00"))
AUTUMN = (datetime.fromisoformat("2026-10-24T20:00"), datetime.fromisoformat("2026-10-25T06:00"))
NIGHTS = st.one_of(
    st.datetimes(*SPRING, timezones=st.just(UTC)),
    st.datetimes(*AUTUMN, timezones=st.just(UTC)),
)


@given(text=EXPRESSIONS, start=NIGHTS)
def test_nothing_changes_before_the_next_change(text: str, start: datetime) -> None:
    hours = Hours.parse(text, zone=BERLIN)
    state, change = hours.is_open(start), hours.next_change(start)
    assert change is not None
    end = change.astimezone(UTC)
    assert end > start
    assert hours.is_open(end) is not state
    step = max((min(end, start + timedelta(hours=12)) - start) / 40, timedelta(seconds=1))
    moment = start
    while moment < end and moment < start + timedelta(hours=12):
        assert hours.is_open(moment) is state
        moment += step
    assert hours.is_open(end - timedelta(seconds=1)) is state or end - start <= timedelta(seconds=1)
