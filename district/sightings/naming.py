"""The pseudonyms of a whole body: each row's device and source id, by the salt of its trading day."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np

from district.problems import Unavailable
from district.sightings.batch import NO_MEMBER, Integers, microseconds
from district.sightings.edge import DaySecret, Edge
from district.sightings.pseudonyms import KeyedHash, mac_bytes, member_alias, stem
from district.sightings.reported import Booleans, Ledger, Rejection, Reported

_DAYS_BACK = 2


def pseudonyms_of(
    reported: Reported, edge: Edge, ledger: Ledger, now: datetime
) -> tuple[list[bytes], list[str], Booleans]:
    """Each row's device and source id, and whether its day's salt is gone."""
    calendar = _Calendar(edge, now)
    day_of = calendar.days(reported.at_ms)
    makers = [_Maker(edge, calendar, day) for day in range(len(calendar.starts_ms))]
    made = _made(reported, makers, day_of.tolist())
    for row, one in enumerate(made):
        if isinstance(one, Rejection):
            ledger.reject_one(row, one)
            made[row] = _NOBODY
    device, stems = (list(part) for part in zip(*made, strict=True)) if made else ([], [])
    is_late = np.array([maker.is_late for maker in makers])[day_of]
    return device, reported.source_id or stems, is_late


_NOBODY = (NO_MEMBER, "")


def _made(reported: Reported, makers: list["_Maker"], days: list[int]) -> list[tuple[bytes, str] | Rejection]:
    members = reported.member_id
    if not any(members):
        return [makers[day].made[mac] for mac, day in zip(reported.mac, days, strict=True)]
    named = members + [None] * (len(reported) - len(members))
    return [
        makers[day].made[mac] if member_id is None else makers[day].of_member(member_id)
        for mac, day, member_id in zip(reported.mac, days, named, strict=True)
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
        self.starts_ms = np.array(
            [microseconds(edge.district.day_starts_at(day)) // 1000 for day in self.dates], np.int64
        )

    def days(self, at_ms: Integers) -> Integers:
        """Each row's place in ``dates``; what lies minutes ahead counts as today."""
        place = np.searchsorted(self.starts_ms, at_ms, side="right") - 1
        return np.maximum(place, 0)

    def secret(self, day: int) -> DaySecret:
        return self.living.get(self.dates[day], self.today)


class _Memory(dict[str, tuple[bytes, str] | Rejection]):
    """What was made before is looked up, what was not is made."""

    def __init__(self, make: Callable[[str], tuple[bytes, str] | Rejection]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> tuple[bytes, str] | Rejection:
        made = self[text] = self._make(text)
        return made


class _Maker:
    """Pseudonyms of one trading day; each device of a body is hashed once."""

    def __init__(self, edge: Edge, calendar: _Calendar, day: int) -> None:
        secret = calendar.secret(day)
        self.is_late = secret.trading_day != calendar.dates[day]
        self._devices: KeyedHash = secret.devices
        self._aliases = edge.aliases
        self._opt_outs = edge.opt_outs
        self._stem_key = edge.stem_key(calendar.dates[day])
        self.made = _Memory(self._make)
        """By the MAC as spelled."""

    def of_member(self, member_id: uuid.UUID) -> tuple[bytes, str]:
        alias = member_alias(self._aliases, member_id)
        return self._devices.pseudonym(alias), stem(self._stem_key, alias)

    def _make(self, text: str) -> tuple[bytes, str] | Rejection:
        mac = mac_bytes(text)
        if mac is None:
            return Rejection.BAD_MAC if text else Rejection.MISSING_DEVICE
        alias = self._aliases.pseudonym(mac)
        if alias in self._opt_outs:
            return Rejection.OPTED_OUT
        return self._devices.pseudonym(alias), stem(self._stem_key, alias)
