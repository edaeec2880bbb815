"""When a schedule takes place: wall times made instants, across hours that clocks skip or repeat, as was declared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from push.recurrence import Recurrence
from push.recurrence_text import RecurrenceRefused as RecurrenceRefused  # noqa: PLC0414 callers ask one module
from push.recurrence_text import read as _read

LONGEST_WINDOW = timedelta(days=400)
_SLACK = timedelta(hours=20)
"""More than any zone's distance from UTC and any change of it."""
_LOOKED_AHEAD = timedelta(days=12 * 366)


class Gap(StrEnum):
    """What happens to a time that a clock skips: it moves with the clock (02:30 → 03:30), or is left out."""

    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """What happens to a time that a clock shows twice: the first passing counts, or both do."""

    FIRST = "first"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True, slots=True)
class DstPolicy:
    """What is declared for the nights in which clocks change."""

    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One time at which a schedule takes place.

    wall is what the rule says, as_second whether the clock's second showing of it is meant: the two name
    the slot even when the zone's rules are changed later. starts_at is the instant in UTC as known now.
    """

    wall: datetime
    as_second: bool
    starts_at: datetime


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Recurring wall times with the policy for clock changes."""

    recurrence: Recurrence
    dst: DstPolicy = field(default_factory=DstPolicy)

    def zone(self, default: ZoneInfo) -> ZoneInfo:
        """The zone whose clocks count: the one that the rule names, else the district's."""
        return self.recurrence.zone or default

    def between(self, since: datetime, until: datetime, *, default_zone: ZoneInfo) -> tuple[Slot, ...]:
        """Every slot that starts in [since, until), each once, in order. At most 400 days are looked at.

        Two wall times that fall on one instant, as shifting may bring about, are one slot.
        """
        until = min(until, since + LONGEST_WINDOW)
        zone = self.zone(default_zone)
        first, last = (_naive(since) - _SLACK, _naive(until) + _SLACK)
        found: dict[datetime, Slot] = {}
        for wall in self.recurrence.walls(first, last):
            for slot in self._slots(wall, zone):
                if since <= slot.starts_at < until:
                    found.setdefault(slot.starts_at, slot)
        return tuple(found[at] for at in sorted(found))

    def upcoming(self, now: datetime, *, default_zone: ZoneInfo, most: int) -> tuple[Slot, ...]:
        """The next slots from now on, at most so many."""
        return tuple(islice(self._coming(now, default_zone), most))

    def _coming(self, now: datetime, default_zone: ZoneInfo) -> Iterator[Slot]:
        since, ends = now, max(now, _aware(self.recurrence.start)) + _LOOKED_AHEAD
        step = timedelta(days=32)
        since = max(since, _aware(self.recurrence.start) - _SLACK)
        while since < ends:
            yield from self.between(since, since + step, default_zone=default_zone)
            since, step = since + step, min(2 * step, LONGEST_WINDOW)

    def _slots(self, wall: datetime, zone: ZoneInfo) -> Iterator[Slot]:
        limit = self.recurrence.until
        last = limit if limit is not None and limit.tzinfo is not None else None
        for number, starts_at in enumerate(instants(wall, zone, self.dst)):
            if last is None or starts_at <= last:
                yield Slot(wall=wall, as_second=number == 1, starts_at=starts_at)


def read(text: str, *, dst: DstPolicy | None = None) -> Schedule:
    """The schedule that an RFC 5545 text (DTSTART and RRULE) and the policy state.

    Raises: RecurrenceRefused.
    """
    return Schedule(recurrence=_read(text), dst=dst or DstPolicy())


def instants(wall: datetime, zone: ZoneInfo, dst: DstPolicy) -> tuple[datetime, ...]:
    """The instants in UTC that a wall time stands for: one; none in a gap that is skipped; two in a fold that counts
    both.

    A skipped time is read with the offset before the gap (RFC 5545 §3.3.5), so it moves by the gap's length.
    """
    earlier = wall.replace(tzinfo=zone, fold=0)
    later = earlier.replace(fold=1)
    first, second = (wall - (one.utcoffset() or timedelta()) for one in (earlier, later))
    if first > second:  # fold 0 has the offset before a change, so in a gap it is the later instant
        return (first.replace(tzinfo=UTC),) if dst.gap is Gap.SHIFT else ()
    if first < second and dst.fold is Fold.BOTH:
        return first.replace(tzinfo=UTC), second.replace(tzinfo=UTC)
    return (first.replace(tzinfo=UTC),)


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _aware(wall: datetime) -> datetime:
    return wall.replace(tzinfo=UTC)
