"""Public holidays by the calendar of a country."""

from datetime import date, timedelta

import pytest

from geo.hours import CountryUnknown
from geo.public_holidays import check_country, is_public_holiday


def days_off(country: str, first: date, last: date) -> list[date]:
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in every if is_public_holiday(day, country)]


def test_chinas_new_year_is_one_break_with_its_weekend() -> None:
    """As the State Council published it for 2026: 15 to 23 February, of which the 15th is a Sunday of before."""
    found = days_off("CN", date(2026, 2, 1), date(2026, 2, 28))
    assert found == [date(2026, 2, 16) + timedelta(days=number) for number in range(8)]


def test_chinas_national_day_lasts_a_week_and_the_worked_weekend_after_it_is_none() -> None:
    found = days_off("CN", date(2026, 9, 26), date(2026, 10, 12))
    assert found == [date(2026, 10, 1) + timedelta(days=number) for number in range(7)]


def test_elsewhere_a_saturday_between_holidays_is_none() -> None:
    found = days_off("FI", date(2026, 4, 1), date(2026, 4, 8))
    assert found == [date(2026, 4, 3), date(2026, 4, 5), date(2026, 4, 6)]


def test_an_ordinary_weekend_is_no_holiday() -> None:
    assert days_off("CN", date(2026, 11, 1), date(2026, 11, 30)) == []


@pytest.mark.parametrize("country", ["", "XX", "cn", "China"])
def test_a_country_that_is_not_known_is_refused(country: str) -> None:
    with pytest.raises(CountryUnknown):
        check_country(country)
    with pytest.raises(CountryUnknown):
        is_public_holiday(date(2026, 1, 1), country)
