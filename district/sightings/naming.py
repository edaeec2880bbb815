"""The pseudonyms of a whole body: each row's device and source id, by the salt of its trading day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from district.problems import Unavailable
from district.sightings.batch import Integers
from district.sightings.edge import DaySecret, Edge
from district.sightings.remembered import PACKED, REFUSALS, PackedRows
from district.sightings.reported import Booleans, Ledger, Reported
from district.sightings.stems import Stems

_DAYS_BACK = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Each row's device and source id, and whether its day's salt is gone."""

    device: npt.NDArray[np.void]
    source_id: Sequence[str]
    is_late: Booleans


def pseudonyms_of(reported: Reported, edge: Edge, ledger: Ledger, now: datetime) -> Named:
    """Who was seen. Raises: Unavailable while the district's salt of today could not be made."""
    calendar = _Calendar(edge, now)
    packed, is_late = _found(reported, edge, calendar)
    refusal = packed["refusal"]
    if refusal.any():
        for row in np.flatnonzero(refusal).tolist():
            ledger.reject_one(row, REFUSALS[refusal[row] - 1])
    source_id = reported.source_id
    return Named(
        device=np.ascontiguousarray(packed["device"]),
        source_id=Stems(np.ascontiguousarray(packed["stem"])) if source_id is None else source_id,
        is_late=is_late,
    )


def _found(reported: Reported, edge: Edge, calendar: "_Calendar") -> tuple[PackedRows, Booleans]:
    """What is known of each row's device on the row's trading day, and whether that day's salt is gone."""
    day_of, names = calendar.days(reported.at_ms), _names(reported)
    days = np.flatnonzero(np.bincount(day_of)).tolist()
    if len(days) == 1:
        secret = calendar.secret(days[0])
        date_of = calendar.dates[days[0]]
        is_late = np.full(len(reported), secret.trading_day != date_of)
        return edge.remembered(date_of, secret).find(names), is_late
    packed, is_late = np.zeros(len(reported), PACKED), np.zeros(len(reported), np.bool_)
    for day in days:
        secret, rows = calendar.secret(day), np.flatnonzero(day_of == day)
        known = edge.remembered(calendar.dates[day], secret)
        packed[rows] = known.find([names[row] for row in rows.tolist()])
        is_late[rows] = secret.trading_day != calendar.dates[day]
    return packed, is_late


def _names(reported: Reported) -> Sequence[str | bytes]:
    """A row is its member's, if it names one, else its device's."""
    if not any(reported.member_id):
        return reported.mac
    members = chain(reported.member_id, repeat(None))
    return [
        mac if member_id is None else member_id.bytes
        for mac, member_id in zip(reported.mac, members, strict=False)
    ]


class _Calendar:
    """The trading days that a row may lie in, by the instants at which they start."""

    def __init__(self, edge: Edge, now: datetime) -> None:
        today = edge.today(now)
        if today is None:
            raise Unavailable("Today's pseudonyms are not ready; send the same body again.")
        self.today = today
        self.dates: list[date] = [today.trading_day + timedelta(days=back) for back in range(-_DAYS_BACK, 1)]
        self.living = {day.trading_day: day for day in edge.living(now)}
        self.starts_ms = np.array([edge.day_starts_ms(day) for day in self.dates], np.int64)

    def days(self, at_ms: Integers) -> Integers:
        """Each row's place in ``dates``; what lies minutes ahead counts as today."""
        place = np.searchsorted(self.starts_ms, at_ms, side="right") - 1
        return np.maximum(place, 0)

    def secret(self, day: int) -> DaySecret:
        return self.living.get(self.dates[day], self.today)
