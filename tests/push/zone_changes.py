"""A reference of its own for clock changes: made by asking only which offset holds at an instant, never by fold."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

FROM = datetime(2019, 12, 20, tzinfo=UTC)
UNTIL = datetime(2036, 1, 10, tzinfo=UTC)
_STEP_S = 6 * 3600


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch [start_s, end_s) of seconds since 1970 in which one offset holds."""

    start_s: int
    end_s: int
    offset_s: int


Pieces = tuple[Piece, ...]


def offset_s(at_s: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


@cache
def pieces_of(name: str) -> Pieces:
    """The offsets of 2020-2035, change by change."""
    zone = ZoneInfo(name)
    first, last = int(FROM.timestamp()), int(UNTIL.timestamp())
    starts = [first]
    before = offset_s(first, zone)
    for at_s in range(first + _STEP_S, last + _STEP_S, _STEP_S):
        now = offset_s(at_s, zone)
        if now != before:
            starts.append(_first_second(zone, at_s - _STEP_S, at_s, now))
            before = now
    ends = [*starts[1:], last]
    return tuple(
        Piece(start_s=start, end_s=end, offset_s=offset_s(start, zone))
        for start, end in zip(starts, ends, strict=True)
    )


def _first_second(zone: ZoneInfo, low: int, high: int, wanted_s: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if offset_s(middle, zone) == wanted_s else (middle, high)
    return high


def distinct_zones() -> dict[Pieces, list[str]]:
    """Every IANA zone, gathered by the changes it has in these years; each file is read once."""
    by_file: dict[bytes, list[str]] = {}
    for name in sorted(available_timezones()):
        by_file.setdefault(hashlib.sha256(_file(name)).digest(), []).append(name)
    found: dict[Pieces, list[str]] = {}
    for names in by_file.values():
        found.setdefault(pieces_of(names[0]), []).extend(names)
    return found


def _file(name: str) -> bytes:
    for directory in TZPATH:
        path = Path(directory) / name
        if path.is_file():
            return path.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def expected(
    pieces: Pieces, walls: Iterable[datetime], *, shifts: bool, both: bool, since: datetime, until: datetime
) -> list[datetime]:
    """The instants of wall times: where the clock shows them; a skipped one by the offset before the skip, or not."""
    first_s, last_s = since.timestamp(), until.timestamp()
    near = [one for one in pieces if one.start_s < last_s + 172_800 and one.end_s > first_s - 172_800]
    found: set[int] = set()
    for wall in walls:
        found.update(_instants(near, int(wall.replace(tzinfo=UTC).timestamp()), shifts=shifts, both=both))
    return [datetime.fromtimestamp(at, UTC) for at in sorted(found) if first_s <= at < last_s]


def _instants(pieces: Sequence[Piece], wall_s: int, *, shifts: bool, both: bool) -> list[int]:
    shown = [wall_s - one.offset_s for one in pieces if one.start_s <= wall_s - one.offset_s < one.end_s]
    if shown:
        return shown if both else shown[:1]
    if not shifts:
        return []
    for before, after in pairwise(pieces):
        if before.end_s + before.offset_s <= wall_s < after.start_s + after.offset_s:
            return [wall_s - before.offset_s]
    return []


def clock_times(since: datetime, until: datetime, *, minute: int) -> list[datetime]:
    """Every hour's such minute, of all days that a zone may have between the two."""
    day = (since - timedelta(days=2)).replace(tzinfo=None, hour=0, minute=minute, second=0, microsecond=0)
    last = (until + timedelta(days=2)).replace(tzinfo=None)
    found = []
    while day <= last:
        found.append(day)
        day += timedelta(hours=1)
    return found
