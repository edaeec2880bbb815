"""Which trading days a rule lets through."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from push.limits import TradingDay
from push.rule import HolidayRule, When

LOOK_AHEAD = timedelta(days=400)
"""Over a year, so that a campaign for holidays finds the next one."""


@dataclass(frozen=True, kw_only=True)
class OpenDays:
    """The trading days outside of a rule's blackout, and on or off public holidays as it says.

    A day runs from the district's day start to the next: the small hours belong to the evening before.
    """

    when: When
    day: TradingDay
    is_holiday: Callable[[date], bool]

    def is_open(self, now: datetime, /) -> bool:
        return self._lets(self.day.on(now))

    def next_change(self, now: datetime, /) -> datetime | None:
        """When the first day begins that is treated otherwise, if within 400 days."""
        first = self.day.on(now)
        is_open = self._lets(first)
        for number in range(1, LOOK_AHEAD.days):
            if self._lets(first + timedelta(days=number)) is not is_open:
                return self.day.start_of(first + timedelta(days=number))
        return None

    def _lets(self, day: date) -> bool:
        if day in self.when.blackout:
            return False
        match self.when.public_holidays:
            case HolidayRule.ANY:
                return True
            case HolidayRule.OFF:
                return not self.is_holiday(day)
            case HolidayRule.ONLY:
                return self.is_holiday(day)
