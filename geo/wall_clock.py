"""Wall-clock times of a zone and the instants they mean, across the hours that clocks skip or repeat.

A wall time that occurs twice means its first occurrence (RFC 5545 §3.3.5); one that never occurs means the
instant at which the clock jumped over it. So the mapping never goes backwards and every wall time has one instant.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from geo.errors import GeoError

_MINUTE = timedelta(minutes=1)


class TimeNaive(GeoError):
    """A time without an offset; which instant it means cannot be known."""

    def __init__(self) -> None:
        super().__init__("A time needs an offset or a zone; send UTC or add the zone.")


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant that a naive wall time means in a zone."""
    first = wall.replace(tzinfo=zone, fold=0)
    offset, offset_later = _offset(first), _offset(first.replace(fold=1))
    if offset < offset_later:
        before = (wall - offset_later).replace(tzinfo=UTC)
        return _transition(before, before + (offset_later - offset), zone)
    return (wall - offset).replace(tzinfo=UTC)


def wall_time(at: datetime, zone: ZoneInfo) -> datetime:
    """The naive wall time whose schedule holds at an instant.

    It is what the clock shows, save in a repeated hour's second pass: there everything scheduled for that hour
    has already happened, so the hour's last minute is given throughout.

    Raises: TimeNaive if `at` has no offset.
    """
    if not is_aware(at):
        raise TimeNaive
    local = at.astimezone(zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    offset, offset_later = _offset(local.replace(fold=0)), _offset(local)
    if offset <= offset_later:
        return local.replace(tzinfo=None, fold=0)
    now = at.astimezone(UTC)
    jump = _transition(now - (offset - offset_later), now, zone)
    return (jump + offset).replace(tzinfo=None) - _MINUTE


def day_start(day: date, start: time, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a trading day begins."""
    return instant(datetime.combine(day, start), zone)


def trading_day(at: datetime, start: time, zone: ZoneInfo) -> date:
    """The trading day that holds an instant: the last one to have begun.

    Raises: TimeNaive if `at` has no offset.
    """
    if not is_aware(at):
        raise TimeNaive
    day = at.astimezone(zone).date()
    if day_start(day, start, zone) > at:
        return day - timedelta(days=1)
    return day


def is_aware(at: datetime) -> bool:
    """Whether a time says which instant it means."""
    return at.utcoffset() is not None


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    if offset is None:
        raise TimeNaive
    return offset


def _transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (before, after] at which the zone has the offset that it has at `after`."""
    target = _offset(after.astimezone(zone))
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, zone)) == target:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)
