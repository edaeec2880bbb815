"""How numbers, distances, amounts and times read on a page, in the language and zone being spoken."""

from datetime import datetime, timedelta
from decimal import Decimal

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

from district.web.language import gettext as _
from district.web.language import spoken

WALKING_M_PER_MINUTE = 75
"""An easy pace among people, 4.5 km/h."""
KILOMETRE_M = 1000
SMALLEST_PUBLISHED = 10
"""Counts of observed people below this are never shown (DESIGN.md section 5, rule 6)."""
NOTHING = "—"


def number(value: float | None) -> str:
    """1284 → 1,284; None → a dash."""
    return NOTHING if value is None else format_decimal(value, locale=spoken().language.locale)


def people(value: int | None) -> str:
    """A published count of observed people: None is one that was too small to publish."""
    return f"<{SMALLEST_PUBLISHED}" if value is None else number(value)


def percent(share: float | None, digits: int = 0) -> str:
    """0.412 → 41 %."""
    if share is None:
        return NOTHING
    pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
    return format_percent(share, format=pattern, locale=spoken().language.locale)


def distance(metres: float | None) -> str:
    """Metres to the nearest ten from 100 m on, kilometres with one digit from 1 km on."""
    if metres is None:
        return NOTHING
    if metres < KILOMETRE_M - 5:
        step = 10 if metres >= 100 else 1
        return _("%(count)s m", count=int(round(metres / step) * step))
    return _("%(count)s km", count=number(round(metres / KILOMETRE_M, 1)))


def walk(metres: float | None) -> str:
    """How long the way on foot takes, at least a minute."""
    if metres is None:
        return NOTHING
    minutes = max(1, round(metres / WALKING_M_PER_MINUTE))
    return _("%(count)s min walk", count=minutes)


def money(minor_units: int | None, currency: str | None = None) -> str:
    """An amount in the currency's minor units (ISO 4217), the district's currency unless named."""
    if minor_units is None:
        return NOTHING
    code = currency or spoken().currency
    amount = Decimal(minor_units).scaleb(-get_currency_precision(code))
    shown = format_currency(amount, code, locale=spoken().language.locale)
    return str(shown)


def clock_time(at: datetime | None) -> str:
    """14:05 in the district's zone."""
    if at is None:
        return NOTHING
    return format_time(at, "HH:mm", tzinfo=spoken().zone, locale=spoken().language.locale)


def weekday_time(at: datetime | None) -> str:
    """Fri 14:05 in the district's zone."""
    if at is None:
        return NOTHING
    return format_datetime(at, "EEE HH:mm", tzinfo=spoken().zone, locale=spoken().language.locale)


def day(at: datetime | None) -> str:
    """The date in the district's zone."""
    if at is None:
        return NOTHING
    local = at.astimezone(spoken().zone).date()
    return format_date(local, "medium", locale=spoken().language.locale)


def day_time(at: datetime | None) -> str:
    """Date and time in the district's zone."""
    return NOTHING if at is None else f"{day(at)} {clock_time(at)}"


def duration(length: timedelta | None) -> str:
    """34 minutes, 2 hours."""
    if length is None:
        return NOTHING
    return format_timedelta(length, threshold=1.5, locale=spoken().language.locale)


def ago(at: datetime | None) -> str:
    """3 minutes ago, in 2 hours: relative to the page's own time, else the plain date and time."""
    now = spoken().now
    if at is None or now is None:
        return day_time(at)
    return format_timedelta(at - now, add_direction=True, locale=spoken().language.locale)


def iso(at: datetime) -> str:
    """For the datetime attribute of a time element."""
    return at.isoformat(timespec="seconds")


FILTERS = {
    "number": number,
    "people": people,
    "percent": percent,
    "distance": distance,
    "walk": walk,
    "money": money,
    "clock_time": clock_time,
    "weekday_time": weekday_time,
    "day": day,
    "day_time": day_time,
    "duration": duration,
    "ago": ago,
    "iso": iso,
}
