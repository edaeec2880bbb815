"""When a place is open: OpenStreetMap's opening_hours, read once, evaluated in the district's zone.

What cannot be read, is empty or depends on a note ("by appointment") is unknown: never open.
Syntax: https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import opening_hours
from opening_hours import OpeningHours, State

from geo.coordinates import LonLat
from geo.errors import GeoError
from geo.wall_clock import instant, wall_time

TEXT_LIMIT: Final = 512
HORIZON_DAYS: Final = 366
"""Changes further away than this are not looked for: an expression that never holds would cost a second each time."""

_STEP_LIMIT: Final = 64
_NOTE: Final = re.compile(r'"[^"]*"')
_OPEN_WORD: Final = re.compile(r"\bopen\b", re.IGNORECASE)
_SUN_WORD: Final = re.compile(r"\b(?:sunrise|sunset|dawn|dusk)\b", re.IGNORECASE)
_POSITION: Final = re.compile(r"--> \d+:(\d+)")
# The wheel's stub leaves out the exceptions that the module does export.
_TEXT_REFUSAL: Final[type[Exception]] = opening_hours.ParserError  # type: ignore[attr-defined]
_COUNTRY_REFUSAL: Final[type[Exception]] = opening_hours.UnknownCountryError  # type: ignore[attr-defined]


class HoursInvalid(GeoError):
    """An opening_hours text that cannot be read."""

    def __init__(self, text: str, *, column: int | None = None) -> None:
        where = "" if column is None else f" at character {column}"
        super().__init__(
            f"Opening hours {text[:80]!r} cannot be read{where}; "
            'use OpenStreetMap\'s syntax, such as "Mo-Fr 10:00-20:00; Sa 10:00-18:00; PH off", '
            f"of at most {TEXT_LIMIT} characters."
        )
        self.column = column


class CountryUnknown(GeoError):
    """A country without a calendar of public holidays."""

    def __init__(self, country: str) -> None:
        super().__init__(
            f"No public holidays are known for {country[:8]!r}; use an ISO 3166 code such as CN, or none."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """The hours of one place. Times given are aware; times returned are UTC.

    They mean the wall clock of `zone`: a skipped time means the jump, a repeated one its first occurrence (geo.wall_clock).
    Public holidays (PH) count only with a `country`; hours that follow the sun are unknown without a `location`.
    """

    text: str
    zone: ZoneInfo
    _rules: OpeningHours | None = field(repr=False, compare=False)
    _note_decides: bool = field(repr=False, compare=False)

    @classmethod
    def parse(
        cls, text: str, *, zone: ZoneInfo, country: str | None = None, location: LonLat | None = None
    ) -> "Hours":
        """Raises: HoursInvalid for an empty, over-long or unreadable text; CountryUnknown."""
        text = text.strip()
        if not text or len(text) > TEXT_LIMIT:
            raise HoursInvalid(text)
        plain = _NOTE.sub("", text)
        rules: OpeningHours | None
        if not _SUN_WORD.search(plain):
            rules = _rules_of(text, country=country)
        elif location is not None:
            rules = _rules_of(text, country=country, zone=zone, location=location)
        else:
            # The library would take sunset for 19:00 all year.
            rules = None
        return cls(text=text, zone=zone, _rules=rules, _note_decides=not _OPEN_WORD.search(plain))

    @classmethod
    def read(
        cls, text: str | None, *, zone: ZoneInfo, country: str | None = None, location: LonLat | None = None
    ) -> "Hours":
        """The hours in a text, or unknown hours if it cannot be read. Raises: CountryUnknown."""
        try:
            return cls.parse(text or "", zone=zone, country=country, location=location)
        except HoursInvalid:
            return cls(text=(text or "").strip()[:TEXT_LIMIT], zone=zone, _rules=None, _note_decides=False)

    @property
    def is_known(self) -> bool:
        """Whether the text could be read and evaluated."""
        return self._rules is not None

    def is_open(self, at: datetime) -> bool | None:
        """Whether the place is open at an instant; None if that is unknown.

        Raises: TimeNaive if `at` has no offset.
        """
        return self._at_wall(wall_time(at, self.zone))

    def next_change(self, at: datetime) -> datetime | None:
        """The first instant after `at` at which is_open answers differently, if within 366 days."""
        return next((moment for moment, _ in self.changes(at)), None)

    def opens_at(self, at: datetime) -> datetime | None:
        """When a place that is not open at `at` opens next; None if it is open, or never opens within 366 days."""
        if self.is_open(at):
            return None
        return next((moment for moment, is_open in self.changes(at) if is_open), None)

    def closes_at(self, at: datetime) -> datetime | None:
        """When a place that is open at `at` stops being open; None if it is not open, or never closes."""
        return self.next_change(at) if self.is_open(at) else None

    def changes(self, at: datetime) -> Iterator[tuple[datetime, bool | None]]:
        """The next changes after `at`, in order, each with the answer of is_open from then on (at most 64)."""
        if self._rules is None:
            return
        wall = wall_time(at, self.zone)
        before = self._at_wall(wall)
        for _ in range(_STEP_LIMIT):
            following = self._rules.next_change(wall)
            if following is None:
                return
            moment = instant(following.replace(tzinfo=None), self.zone)
            # What the clocks skip has no length: the state that counts is the one after the jump.
            wall = wall_time(moment, self.zone)
            after = self._at_wall(wall)
            if after is not before:
                yield moment, after
            before = after

    def _at_wall(self, wall: datetime) -> bool | None:
        if self._rules is None:
            return None
        state, note = self._rules.state(wall)
        if state is State.UNKNOWN or (note and state is State.OPEN and self._note_decides):
            return None
        return state is State.OPEN


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The hours in which a campaign may act. Unlike a shop's they must be readable; what they leave open is shut.

    Raises: HoursInvalid, CountryUnknown.
    """

    expression: str
    zone: ZoneInfo
    country: str | None = None
    _hours: Hours = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hours = Hours.parse(self.expression, zone=self.zone, country=self.country)
        object.__setattr__(self, "_hours", hours)

    def is_open(self, now: datetime) -> bool:
        """Whether the window is open now. Raises: TimeNaive."""
        return self._hours.is_open(now) is True

    def next_change(self, now: datetime) -> datetime | None:
        """When it opens or shuts next (UTC); None if not within 366 days."""
        is_open = self.is_open(now)
        changes = self._hours.changes(now)
        return next((moment for moment, after in changes if (after is True) is not is_open), None)


def _rules_of(
    text: str, *, country: str | None, zone: ZoneInfo | None = None, location: LonLat | None = None
) -> OpeningHours:
    # The library's own zone arithmetic contradicts itself in repeated hours, so it is only asked about wall times;
    # it needs the zone, and its own look-up left on, to place the sun.
    try:
        return OpeningHours(
            text,
            timezone=zone,
            country=country,
            coords=None if location is None else (location.lat, location.lon),
            auto_country=False,
            max_interval_days=HORIZON_DAYS,
        )
    except _COUNTRY_REFUSAL as refusal:
        raise CountryUnknown(country or "") from refusal
    except UnicodeEncodeError as refusal:  # half a surrogate pair
        raise HoursInvalid(text) from refusal
    except _TEXT_REFUSAL as refusal:
        found = _POSITION.search(str(refusal))
        raise HoursInvalid(text, column=int(found.group(1)) if found else None) from refusal
