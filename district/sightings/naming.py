"""The pseudonyms of a whole body: each row's device and source id, by the salt of its trading day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from district.problems import Unavailable
from district.sightings.batch import Integers, microseconds, pseudonyms
from district.sightings.edge import DaySecret, Edge
from district.sightings.remembered import REFUSALS
from district.sightings.reported import Booleans, Ledger, Reported

_DAYS_BACK = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Each row's device, source id and number, by which rows of one device and day are known, and whether its day's salt is
    gone."""

    device: npt.NDArray[np.void]
    source_id: list[str]
    number: Integers
    is_late: Booleans


def pseudonyms_of(reported: Reported, edge: Edge, ledger: Ledger, now: datetime) -> Named:
    """Who was seen. Raises: Unavailable while the district's salt of today could not be made."""
    calendar = _Calendar(edge, now)
    day_of = calendar.days(reported.at_ms)
    number = np.zeros(len(reported), np.int64)
    device = np.zeros(len(reported), "V16")
    stems = [""] * len(reported)
    names = _names(reported)
    is_late = np.zeros(len(reported), np.bool_)
    for day in np.unique(day_of).tolist():
        secret = calendar.secret(day)
        remembered = edge.remembered(calendar.dates[day], secret)
        rows = np.flatnonzero(day_of == day)
        places = rows.tolist()
        is_whole = len(places) == len(reported)
        numbers = remembered.numbers_of(names if is_whole else [names[row] for row in places])
        number[rows] = numbers
        device[rows] = pseudonyms(b"".join(map(remembered.devices.__getitem__, numbers)))
        is_late[rows] = secret.trading_day != calendar.dates[day]
        if reported.source_id is None:
            made = [*map(remembered.stems.__getitem__, numbers)]
            stems = made if is_whole else _placed(stems, places, made)
    for row in np.flatnonzero(number < len(REFUSALS)).tolist():
        ledger.reject_one(row, REFUSALS[number[row]])
    source_id = stems if reported.source_id is None else reported.source_id
    return Named(device=device, source_id=source_id, number=number, is_late=is_late)


def _names(reported: Reported) -> Sequence[str | bytes]:
    """A row is its member's, if it names one, else its device's."""
    if not any(reported.member_id):
        return reported.mac
    members = chain(reported.member_id, repeat(None))
    return [
        mac if member_id is None else member_id.bytes
        for mac, member_id in zip(reported.mac, members, strict=False)
    ]


def _placed(into: list[str], places: list[int], made: list[str]) -> list[str]:
    for place, one in zip(places, made, strict=True):
        into[place] = one
    return into


class _Calendar:
    """The trading days that a row may lie in, by the instants at which they start."""

    def __init__(self, edge: Edge, now: datetime) -> None:
        today = edge.today(now)
        if today is None:
            raise Unavailable("Today's pseudonyms are not ready; send the same body again.")
        self.today = today
        self.dates: list[date] = [today.trading_day + timedelta(days=back) for back in range(-_DAYS_BACK, 1)]
        self.living = {day.trading_day: day for day in edge.living(now)}
        self.starts_ms = np.array(
            [microseconds(edge.district.day_starts_at(day)) // 1000 for day in self.dates], np.int64
        )

    def days(self, at_ms: Integers) -> Integers:
        """Each row's place in ``dates``; what lies minutes ahead counts as today."""
        place = np.searchsorted(self.starts_ms, at_ms, side="right") - 1
        return np.maximum(place, 0)

    def secret(self, day: int) -> DaySecret:
        return self.living.get(self.dates[day], self.today)
