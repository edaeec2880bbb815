"""What a feed reports before it is believed, and the reasons for which a row is no sighting."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Self, overload

import numpy as np
import numpy.typing as npt

from district.sightings.batch import Floats, Integers, Singles

Booleans = npt.NDArray[np.bool_]


class Rejection(StrEnum):
    """Why a row is no sighting."""

    IN_FUTURE = "in_future"
    TOO_OLD = "too_old"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_ACCESS_POINT = "unknown_access_point"
    UNPLACED_ACCESS_POINT = "unplaced_access_point"
    BAD_MAC = "bad_mac"
    BAD_ID = "bad_id"
    BAD_TIME = "bad_at"
    BAD_MEMBER = "bad_member_id"
    BAD_FLOOR = "bad_floor"
    MISSING_ID = "missing_id"
    MISSING_TIME = "missing_at"
    MISSING_DEVICE = "missing_mac"
    MISSING_PLACE = "missing_position"
    WRONG_TYPE = "wrong_type"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Texts(Sequence[str]):
    """A column of texts of which few differ: ``number`` is each row's place among the different ones."""

    different: list[str]
    number: Integers

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """The column of these rows; different texts in order of their first."""
        if len(set(texts)) == 1:  # as often: it hashes each text, which is half of what follows
            return cls(different=[texts[0]], number=np.zeros(len(texts), np.int64))
        places: dict[str, int] = defaultdict(count().__next__)
        number = np.fromiter(map(places.__getitem__, texts), np.int64, len(texts))
        return cls(different=list(places), number=number)

    def __len__(self) -> int:
        return len(self.number)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...

    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return Texts(different=self.different, number=self.number[row])
        return self.different[int(self.number[row])]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """What a body says, one element a row, not yet believed. NaN and "" mean that the source did not say.

    ``index`` is each row's place in the body. ``source_id`` None: made from device and time. ``member_id`` may be
    shorter than the rest: rows beyond it name none.
    """

    index: Integers
    at_ms: Integers
    lon: Floats
    lat: Floats
    accuracy_m: Singles
    rssi_dbm: Singles
    mac: list[str]
    access_point_mac: Texts
    floor: Texts
    source_id: list[str] | None = None
    member_id: list[uuid.UUID | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.mac)


class Ledger:
    """The first reason found against each row."""

    def __init__(self, rows: int) -> None:
        self.is_bad: Booleans = np.zeros(rows, np.bool_)
        self._reasons: dict[int, Rejection] = {}

    def reject(self, rows: Booleans, reason: Rejection) -> None:
        if not rows.any():
            return
        for row in np.flatnonzero(rows & ~self.is_bad).tolist():
            self._reasons[row] = reason
        self.is_bad |= rows

    def reject_one(self, row: int, reason: Rejection) -> None:
        if not self.is_bad[row]:
            self._reasons[row] = reason
            self.is_bad[row] = True

    def rejected(self, index: Integers) -> tuple[tuple[int, Rejection], ...]:
        return tuple((int(index[row]), reason) for row, reason in sorted(self._reasons.items()))
