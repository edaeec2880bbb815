"""When a queue will be through: at what pace it goes, and over which quiet hours it waits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from push.limits import QuietHours

_MOST_NIGHTS = 60
"""Further ahead nothing is foretold."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wave:
    """So many messages of one sort, none of which leaves before this."""

    due_at: datetime
    count: int
    of: str = ""
    send_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finish:
    """When the last of a sort leaves; late are those whose time would be over by then."""

    at: datetime
    count: int
    late: int = 0


def finishes(
    waves: Iterable[Wave],
    *,
    per_minute: float | None,
    now: datetime,
    quiet: Sequence[QuietHours],
    zone: ZoneInfo,
) -> dict[str, Finish]:
    """When each sort is through, all of them sharing one way out in the order in which they are due.

    per_minute None: everything leaves when it is due. Nothing leaves in quiet hours: what they cut off goes on after
    them, at the same pace. A wave that would end after its time is late as a whole.
    """
    found: dict[str, Finish] = {}
    at = now
    for wave in sorted(waves, key=lambda one: (one.due_at, one.of)):
        at = _through(max(at, wave.due_at), wave.count, per_minute, quiet, zone)
        known = found.get(wave.of)
        is_late = wave.send_before is not None and at > wave.send_before
        found[wave.of] = Finish(
            at=at,
            count=wave.count + (known.count if known else 0),
            late=(wave.count if is_late else 0) + (known.late if known else 0),
        )
    return found


def _through(
    start: datetime, count: int, per_minute: float | None, quiet: Sequence[QuietHours], zone: ZoneInfo
) -> datetime:
    """When so many have left that begin now or after the quiet that holds now."""
    at = _loud(start, quiet, zone)
    if per_minute is None or per_minute <= 0:
        return at
    left = timedelta(minutes=count / per_minute)
    for _ in range(_MOST_NIGHTS):
        falls = _falls_silent(at, quiet, zone)
        if falls is None or at + left <= falls:
            return at + left
        left -= falls - at
        at = _loud(falls, quiet, zone)
    return at + left


def _loud(at: datetime, quiet: Sequence[QuietHours], zone: ZoneInfo) -> datetime:
    """The first moment from here on at which none of the quiet hours holds."""
    for _ in range(2 * len(quiet) + 1):
        later = max((end for one in quiet if (end := one.until(at, zone)) is not None), default=None)
        if later is None:
            break
        at = later
    return at


def _falls_silent(at: datetime, quiet: Sequence[QuietHours], zone: ZoneInfo) -> datetime | None:
    """When the next of the quiet hours begins; it is not quiet now."""
    found: list[datetime] = []
    local = at.astimezone(zone)
    for one in quiet:
        if one.start == one.end:
            continue
        for days in (0, 1):
            day = local.date() + timedelta(days=days)
            begins = datetime.combine(day, one.start, zone)
            if begins > at:
                found.append(begins)
                break
    return min(found, default=None)
