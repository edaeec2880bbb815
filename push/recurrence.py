"""Recurring wall times, expanded by dateutil in bounded steps.

Nothing here knows what a clock change does; ``push.occurrences`` turns wall times into instants.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

COMES_WITHIN = timedelta(days=12 * 366)
"""A rule that names no time this soon after its start is a mistake."""
BY_DAYS = frozenset({DAILY, WEEKLY})
_DAY = timedelta(days=1)
# Longer than the calendar lasts, so that dateutil looks at one period and stops: a rule that never comes true
# would otherwise be searched for until the year 9999.
_ONE_PERIOD = MappingProxyType({MONTHLY: 120_000, YEARLY: 10_000})
Frequency: TypeAlias = Literal[0, 1, 2, 3]
"""YEARLY, MONTHLY, WEEKLY or DAILY, as dateutil numbers them."""
Narrowing: TypeAlias = Mapping[str, tuple[int, ...] | tuple[weekday, ...]]


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """Wall times that come again: the first, the zone that its clock shows (None: the district's), and how."""

    start: datetime
    zone: ZoneInfo | None
    frequency: Frequency
    interval: int
    week_start: int
    count: int | None
    until: datetime | None
    """The last wall time, or the last instant when the rule gives UTC."""
    narrowing: Narrowing

    def walls(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """The wall times in [first, last], in their order. COUNT is kept, UNTIL only where it is a wall time."""
        ends = last if self.until is None or self.until.tzinfo is not None else min(last, self.until)
        every = (
            self._counted(ends) if self.count is not None else self._expanded(max(first, self.start), ends)
        )
        return (wall for wall in every if first <= wall <= ends)

    def _counted(self, last: datetime) -> Iterator[datetime]:
        return takewhile(lambda wall: wall <= last, islice(self._expanded(self.start, last), self.count))

    def _expanded(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """From the period that holds ``first`` on: the periods before it are stepped over, not searched."""
        if last < first:
            return
        found = self._by_days(first, last) if self.frequency in BY_DAYS else self._by_period(first, last)
        yield from (wall for wall in found if self.start <= wall <= last)

    def _by_days(self, first: datetime, last: datetime) -> Iterator[datetime]:
        length = timedelta(weeks=1) if self.frequency == WEEKLY else _DAY
        anchor = self._anchor()
        passed = max(0, (first - anchor) // (length * self.interval))
        begins = anchor + passed * self.interval * length
        yield from self._rule(begins, self.interval, until=last)

    def _anchor(self) -> datetime:
        """Midnight at which the period of the start begins."""
        midnight = datetime.combine(self.start.date(), time())
        if self.frequency != WEEKLY:
            return midnight
        return midnight - timedelta(days=(midnight.weekday() - self.week_start) % 7)

    def _by_period(self, first: datetime, last: datetime) -> Iterator[datetime]:
        months = 12 * self.interval if self.frequency == YEARLY else self.interval
        anchor = self.start.year * 12 + (0 if self.frequency == YEARLY else self.start.month - 1)
        # A week of BYWEEKNO may reach over the new year; a period earlier is looked at too.
        passed = max(0, (first.year * 12 + first.month - 1 - anchor) // months - 1)
        for month in range(anchor + passed * months, last.year * 12 + last.month, months):
            begins = datetime(month // 12, month % 12 + 1, 1)  # noqa: DTZ001 a wall time
            yield from self._rule(begins, _ONE_PERIOD[self.frequency])

    def _rule(self, begins: datetime, interval: int, until: datetime | None = None) -> Iterator[datetime]:
        keywords: dict[str, Any] = dict(self.narrowing)  # dateutil's own names
        return iter(
            rrule(
                self.frequency,
                dtstart=begins,
                interval=interval,
                wkst=weekday(self.week_start),
                until=until,
                bysecond=self.start.second,
                **keywords,
            )
        )

    def comes(self) -> bool:
        """Whether it names a time within twelve years of its start."""
        last = self.start + COMES_WITHIN
        # By arithmetic first: dateutil would look for a day that never comes until the calendar ends.
        if self.frequency in BY_DAYS and not any(map(self._is_named, self._days(last.date()))):
            return False
        return next(self.walls(self.start, last), None) is not None

    def _days(self, last: date) -> Iterator[date]:
        length = 7 if self.frequency == WEEKLY else 1
        begins = range(self._anchor().toordinal(), last.toordinal() + 1, length * self.interval)
        return (date.fromordinal(day + offset) for day in begins for offset in range(length))

    def _is_named(self, day: date) -> bool:
        weekdays = [one.weekday for one in self.narrowing.get("byweekday", ()) if isinstance(one, weekday)]
        months = self.narrowing.get("bymonth", ())
        return (not weekdays or day.weekday() in weekdays) and (not months or day.month in months)
