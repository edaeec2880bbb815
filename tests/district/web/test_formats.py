"""How values read on a page."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from district.web import formats
from district.web.language import Language, Tongue, speaking

NOON = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize(
    ("metres", "english", "chinese"),
    [
        (0, "0 m", "0 米"),
        (47.4, "47 m", "47 米"),
        (134, "130 m", "130 米"),
        (994.9, "990 m", "990 米"),
        (995.1, "1 km", "1 公里"),
        (1290, "1.3 km", "1.3 公里"),
        (None, "—", "—"),
    ],
)
def test_distances_round_to_what_a_walker_needs(metres: float | None, english: str, chinese: str) -> None:
    with speaking(Tongue(language=Language.EN)):
        assert formats.distance(metres) == english
    with speaking(Tongue(language=Language.ZH)):
        assert formats.distance(metres) == chinese


@pytest.mark.parametrize(
    ("minor_units", "currency", "shown"),
    [(1250, "EUR", "€12.50"), (1250, "JPY", "JP¥1,250"), (1250, "KWD", "KWD1.250"), (None, "EUR", "—")],
)
def test_minor_units_follow_the_currency(minor_units: int | None, currency: str, shown: str) -> None:
    assert formats.money(minor_units, currency) == shown


def test_money_is_the_districts_currency_unless_named() -> None:
    with speaking(Tongue(language=Language.ZH, currency="CNY")):
        assert formats.money(9900) == "¥99.00"


def test_times_are_in_the_districts_zone() -> None:
    with speaking(Tongue(language=Language.ZH, zone=HELSINKI)):
        assert (formats.clock_time(NOON), formats.weekday_time(NOON), formats.day(NOON)) == (
            "12:00",
            "周五 12:00",
            "2026年1月2日",
        )
    with speaking(Tongue(language=Language.EN, zone=HELSINKI)):
        assert formats.day_time(NOON) == "2 Jan 2026 12:00"


def test_the_clock_reads_the_same_twice_when_it_is_set_back() -> None:
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    with speaking(Tongue(language=Language.EN, zone=HELSINKI)):
        assert formats.clock_time(before) == formats.clock_time(before + timedelta(hours=1)) == "03:30"


def test_relative_times_count_from_the_pages_own_time() -> None:
    with speaking(Tongue(language=Language.ZH, zone=HELSINKI, now=NOON)):
        assert formats.ago(NOON - timedelta(minutes=3)) == "3分钟前"
    with speaking(Tongue(language=Language.EN, zone=HELSINKI, now=NOON)):
        assert formats.ago(NOON + timedelta(hours=2)) == "in 2 hours"


def test_a_count_too_small_to_publish_is_never_a_number() -> None:
    assert (formats.people(None), formats.people(1284), formats.percent(0.412), formats.walk(10)) == (
        "<10",
        "1,284",
        "41%",
        "1 min walk",
    )
