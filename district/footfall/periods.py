"""The fixed grid that footfall is counted on: hours of trading days, trading days, weeks of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.footfall.schemas import By
from district.problems import Invalid

LONGEST_DAYS = {By.HOUR: 31, By.DAY: 400, By.WEEK: 5 * 366}
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SENSIBLE_YEARS = range(1990, 2201)
"""Far from the ends of the calendar, beyond which nothing can be reckoned."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which periods are asked for, and all those that must be judged together with them."""

    by: By
    first_day: date
    last_day: date
    """The last trading day asked for, itself included."""
    starts: Sequence[datetime]
    """Borders of all periods judged; the last is only an end."""
    groups: Sequence[int]
    """For each period the coarser one that it is part of: hours of a day, days of a week."""
    shown_from: datetime
    shown_until: datetime


def span(district: DistrictInfo, by: By, start: str | None, end: str | None, *, clock: Clock) -> Span:
    """The periods from one date or time until before another; today's unless said.

    Raises: Invalid.
    """
    today = district.trading_day(clock.now())
    first_day = _day(district, start, "from") if start else today
    last_day = _last_day(district, end) if end else max(first_day, today)
    if last_day < first_day:
        raise Invalid("See errors.", errors=[{"pointer": "/query/to", "detail": "It must be after from."}])
    if (last_day - first_day).days >= LONGEST_DAYS[by]:
        detail = f"By {by} at most {LONGEST_DAYS[by]} days can be asked for at once."
        raise Invalid("See errors.", errors=[{"pointer": "/query/from", "detail": detail}])
    judged_first, judged_last = _whole(by, first_day, last_day)
    starts, groups = _grid(district, by, judged_first, judged_last)
    week_first = first_day - timedelta(days=first_day.weekday()) if by is By.WEEK else first_day
    return Span(
        by=by,
        first_day=first_day,
        last_day=last_day,
        starts=starts,
        groups=groups,
        shown_from=district.day_starts_at(week_first),
        shown_until=district.day_starts_at(last_day + DAY),
    )


def _whole(by: By, first: date, last: date) -> tuple[date, date]:
    if by is By.HOUR:
        return first, last
    return first - timedelta(days=first.weekday()), last + timedelta(days=6 - last.weekday())


def _grid(district: DistrictInfo, by: By, first: date, last: date) -> tuple[list[datetime], list[int]]:
    starts: list[datetime] = []
    groups: list[int] = []
    days = (last - first).days + 1
    for number in range(0, days, 7 if by is By.WEEK else 1):
        start = district.day_starts_at(first + number * DAY)
        if by is not By.HOUR:
            starts.append(start)
            groups.append(number // 7 if by is By.DAY else 0)
            continue
        end = district.day_starts_at(first + (number + 1) * DAY)
        while start < end:
            starts.append(start)
            groups.append(number)
            start += HOUR
    return [*starts, district.day_starts_at(last + DAY)], groups


def _day(district: DistrictInfo, text: str, name: str) -> date:
    try:
        return _date(text) if len(text) == 10 else district.trading_day(_instant(text))
    except (ValueError, OverflowError):
        detail = (
            "Send a date such as 2026-05-01, or a time with its offset such as 2026-05-01T06:00:00+03:00."
        )
        raise Invalid("See errors.", errors=[{"pointer": f"/query/{name}", "detail": detail}]) from None


def _last_day(district: DistrictInfo, text: str) -> date:
    """The end is not part of what is asked for."""
    day = _day(district, text, "to")
    if len(text) == 10 or _instant(text) == district.day_starts_at(day):
        return day - DAY
    return day


def _instant(text: str) -> datetime:
    # A "+" that was not escaped in the address arrives as a blank.
    at = datetime.fromisoformat(text.replace(" ", "+"))
    if at.tzinfo is None or at.year not in SENSIBLE_YEARS:
        raise ValueError("no offset, or no sensible year")
    return at


def _date(text: str) -> date:
    day = date.fromisoformat(text)
    if day.year not in SENSIBLE_YEARS:
        raise ValueError("no sensible year")
    return day
