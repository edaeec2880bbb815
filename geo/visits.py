"""From fixes to visits: who was in which zone, from when to when, whatever order the fixes came in."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import GeoError
from geo.wall_clock import day_start, trading_day

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

OUTSIDE: Final = -1
DAYS_MOST: Final = 3_700

_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class VisitsInvalid(GeoError):
    """Fixes or a rule from which no visits can be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitRule:
    """When a visit begins and ends.

    gap: longer without a fix ends everything; minimum_dwell: shorter visits do not count;
    a change of zone counts from its first fix, once `confirming_fixes` in a row or `confirming_time` until the next
    zone's fix bear it out; sampling: the feed's interval, half of which is added to what was seen.
    """

    gap: timedelta = timedelta(minutes=10)
    minimum_dwell: timedelta = timedelta(minutes=2)
    confirming_fixes: int = 2
    confirming_time: timedelta = timedelta(seconds=30)
    sampling: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        lengths = (self.minimum_dwell, self.confirming_time, self.sampling)
        if self.gap <= timedelta(0) or min(lengths) < timedelta(0) or self.confirming_fixes < 1:
            raise VisitsInvalid("A visit rule needs a gap above zero, and nothing below zero.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Visits:
    """m visits, by person and then by time. All arrays (m,) int64; end_ms is the last fix.

    dwell_ms: end - start + half the sampling interval. One person's visits never overlap. zone may be OUTSIDE (-1).
    """

    person: Integers
    zone: Integers
    start_ms: Integers
    end_ms: Integers
    fixes: Integers
    dwell_ms: Integers

    def __len__(self) -> int:
        return self.person.size

    def only(self, kept: Flags) -> "Visits":
        """The visits of an (m,) mask."""
        return Visits(
            person=self.person[kept],
            zone=self.zone[kept],
            start_ms=self.start_ms[kept],
            end_ms=self.end_ms[kept],
            fixes=self.fixes[kept],
            dwell_ms=self.dwell_ms[kept],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DayParts:
    """Visits cut at the border of trading days, for counts by day. visit: (p,) the row; day: (p,) datetime64[D]."""

    visit: Integers
    day: NDArray[np.datetime64]
    start_ms: Integers
    end_ms: Integers


@dataclass(frozen=True, kw_only=True, slots=True)
class Dwell:
    """The quartiles of how long visits lasted, and of how many."""

    visits: int
    lower: timedelta
    median: timedelta
    upper: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stays:
    """Visits in the making: stretches of one zone within one session."""

    session: Integers
    person: Integers
    zone: Integers
    start_ms: Integers
    end_ms: Integers
    fixes: Integers


def sessionise(person: ArrayLike, zone: ArrayLike, at_ms: ArrayLike, *, rule: VisitRule) -> Visits:
    """The visits in n fixes: (n,) person codes, zone codes (OUTSIDE = -1) and milliseconds since 1970.

    The order of the fixes and exact repeats change nothing; of two zones at one instant the higher code counts.
    For visits to the district as a whole give every fix the same zone. O(n log n).

    Raises: VisitsInvalid.
    """
    who, where, when = _in_order(*_columns(person, zone, at_ms))
    stays = _stays(who, where, when, rule)
    half_sampling_ms = rule.sampling // 2 // _MILLISECOND
    stays = _joined(_kept(stays, half_sampling_ms, rule), rule)
    return Visits(
        person=stays.person,
        zone=stays.zone,
        start_ms=stays.start_ms,
        end_ms=stays.end_ms,
        fixes=stays.fixes,
        dwell_ms=stays.end_ms - stays.start_ms + half_sampling_ms,
    )


def by_trading_day(visits: Visits, *, starts: time, zone: ZoneInfo) -> DayParts:
    """Each visit once for every trading day on which it was seen.

    Raises: VisitsInvalid if the visits span more than ten years.
    """
    if not len(visits):
        empty = np.empty(0, np.int64)
        return DayParts(visit=empty, day=np.empty(0, "datetime64[D]"), start_ms=empty, end_ms=empty)
    first_day = trading_day(_moment(int(visits.start_ms.min())), starts, zone)
    last_day = trading_day(_moment(int(visits.end_ms.max())), starts, zone)
    borders_ms = _borders_ms(first_day, last_day, starts, zone)
    first = np.searchsorted(borders_ms, visits.start_ms, side="right") - 1
    parts = np.searchsorted(borders_ms, visits.end_ms, side="right") - first
    visit = np.repeat(np.arange(len(visits)), parts)
    day = np.arange(visit.size) - np.repeat(np.cumsum(parts) - parts, parts) + np.repeat(first, parts)
    return DayParts(
        visit=visit,
        day=np.datetime64(first_day, "D") + day,
        start_ms=np.maximum(visits.start_ms[visit], borders_ms[day]),
        end_ms=np.minimum(visits.end_ms[visit], borders_ms[day + 1]),
    )


def dwell(visits: Visits) -> Dwell | None:
    """The quartiles of all the visits' dwell, None if there are none."""
    if not len(visits):
        return None
    lower, median, upper = np.percentile(visits.dwell_ms, [25, 50, 75])
    return Dwell(
        visits=len(visits),
        lower=timedelta(milliseconds=float(lower)),
        median=timedelta(milliseconds=float(median)),
        upper=timedelta(milliseconds=float(upper)),
    )


def dwell_by_zone(visits: Visits) -> dict[int, Dwell]:
    """The quartiles of dwell in each zone that had a visit."""
    summaries = {}
    for zone in np.unique(visits.zone).tolist():
        summary = dwell(visits.only(visits.zone == zone))
        if summary is not None:
            summaries[zone] = summary
    return summaries


def _columns(person: ArrayLike, zone: ArrayLike, at_ms: ArrayLike) -> tuple[Integers, Integers, Integers]:
    columns = [np.asarray(column) for column in (person, zone, at_ms)]
    if any(column.ndim != 1 or column.size != columns[0].size for column in columns):
        raise VisitsInvalid("person, zone and at_ms need one value for each fix.")
    if any(column.size and not np.issubdtype(column.dtype, np.integer) for column in columns):
        raise VisitsInvalid("person, zone and at_ms must be whole numbers.")
    who, where, when = (column.astype(np.int64) for column in columns)
    return who, where, when


def _in_order(person: Integers, zone: Integers, at_ms: Integers) -> tuple[Integers, Integers, Integers]:
    """By person and time, one fix an instant."""
    order = np.lexsort((zone, at_ms, person))
    person, zone, at_ms = person[order], zone[order], at_ms[order]
    last = np.ones(person.size, np.bool_)
    last[:-1] = (person[1:] != person[:-1]) | (at_ms[1:] != at_ms[:-1])
    return person[last], zone[last], at_ms[last]


def _stays(person: Integers, zone: Integers, at_ms: Integers, rule: VisitRule) -> _Stays:
    """Stretches of one zone, after changes that nothing bears out went to the zone before them."""
    opens = _begins(person) | _begins_after(at_ms, rule.gap // _MILLISECOND)
    run = np.flatnonzero(opens | _begins(zone))
    fixes = np.diff(run, append=person.size)
    run_opens, run_at, run_zone = opens[run], at_ms[run], zone[run]
    held = np.zeros(run.size, np.bool_)
    held[:-1] = ~run_opens[1:] & (np.diff(run_at) >= rule.confirming_time // _MILLISECOND)
    confirmed = run_opens | held | (fixes >= rule.confirming_fixes)
    settled = run_zone[np.maximum.accumulate(np.where(confirmed, np.arange(run.size), 0))]
    first = np.flatnonzero(run_opens | _begins(settled))
    last_fix = np.append(run[first[1:]], person.size)[: first.size] - 1
    return _Stays(
        session=np.cumsum(run_opens, dtype=np.int64)[first],
        person=person[run[first]],
        zone=settled[first],
        start_ms=run_at[first],
        end_ms=at_ms[last_fix],
        fixes=np.add.reduceat(fixes, first) if first.size else fixes,
    )


def _kept(stays: _Stays, half_sampling_ms: int, rule: VisitRule) -> _Stays:
    long = stays.end_ms - stays.start_ms + half_sampling_ms >= rule.minimum_dwell // _MILLISECOND
    return _Stays(
        session=stays.session[long],
        person=stays.person[long],
        zone=stays.zone[long],
        start_ms=stays.start_ms[long],
        end_ms=stays.end_ms[long],
        fixes=stays.fixes[long],
    )


def _joined(stays: _Stays, rule: VisitRule) -> _Stays:
    """Who stepped out too shortly to count, and not for longer than a gap, never left."""
    away = np.zeros(stays.zone.size, np.int64)
    away[1:] = stays.start_ms[1:] - stays.end_ms[:-1]
    first = np.flatnonzero(_begins(stays.session) | _begins(stays.zone) | (away > rule.gap // _MILLISECOND))
    last = np.append(first[1:], stays.zone.size)[: first.size] - 1
    return _Stays(
        session=stays.session[first],
        person=stays.person[first],
        zone=stays.zone[first],
        start_ms=stays.start_ms[first],
        end_ms=stays.end_ms[last],
        fixes=np.add.reduceat(stays.fixes, first) if first.size else stays.fixes,
    )


def _begins(values: Integers) -> Flags:
    """Where a value differs from the one before it; the first always does."""
    begins = np.ones(values.size, np.bool_)
    begins[1:] = values[1:] != values[:-1]
    return begins


def _begins_after(at_ms: Integers, gap_ms: int) -> Flags:
    begins = np.ones(at_ms.size, np.bool_)
    begins[1:] = np.diff(at_ms) > gap_ms
    return begins


def _borders_ms(first: date, last: date, starts: time, zone: ZoneInfo) -> Integers:
    days = (last - first).days + 2
    if days > DAYS_MOST:
        raise VisitsInvalid("The visits span more than ten years; ask for a shorter time.")
    borders = (day_start(first + timedelta(days=day), starts, zone) for day in range(days))
    return np.fromiter(((border - _EPOCH) // _MILLISECOND for border in borders), np.int64, days)


def _moment(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MILLISECOND
