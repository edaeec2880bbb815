"""Public holidays of countries, by their calendar dates.

What the package ``holidays`` (https://holidays.readthedocs.io) knows, China's moved days off included. The hours' own
calendar (``PH`` in opening_hours) is the coarser one of opening-hours-py.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import holidays

from geo.hours import CountryUnknown

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_SPANNING: Final = frozenset({"CN"})
"""Where a holiday is published as one break: the weekend inside belongs to it, though nobody lists it."""


def check_country(country: str) -> None:
    """Raises: CountryUnknown for one whose holidays are not known, the empty one included."""
    if country not in _countries():
        raise CountryUnknown(country)


def is_public_holiday(day: date, country: str) -> bool:
    """Whether the country (ISO 3166) has a public holiday on this date. Raises: CountryUnknown."""
    if day in _year(country, day.year):
        return True
    return country in _SPANNING and day.weekday() >= _SATURDAY and _is_spanned(day, country)


def _is_spanned(day: date, country: str) -> bool:
    """Whether the days around the weekend's part that is no holiday by itself are both holidays."""
    before, after = day - _DAY, day + _DAY
    while before.weekday() >= _SATURDAY and before not in _year(country, before.year):
        before -= _DAY
    while after.weekday() >= _SATURDAY and after not in _year(country, after.year):
        after += _DAY
    return before in _year(country, before.year) and after in _year(country, after.year)


@lru_cache(maxsize=512)
def _year(country: str, year: int) -> frozenset[date]:
    check_country(country)
    return frozenset(holidays.country_holidays(country, years=year))


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())
