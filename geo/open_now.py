"""Which of many stores are open now: equal hours are read and evaluated once, and again only when they change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from geo.coordinates import LonLat
from geo.hours import Hours
from geo.wall_clock import TimeNaive, is_aware

OPEN: Final = 1
SHUT: Final = 0
UNKNOWN: Final = -1

_Scalar = TypeVar("_Scalar", bound=np.generic)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEVER: Final = np.iinfo(np.int64).max
_LOOK_AGAIN_AFTER: Final = timedelta(days=300)
"""Less than the horizon of Hours: a change just beyond it is found in time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenNow:
    """The answer for every store of a book from `at` until `changes_at` (None: it never changes).

    states: (n,) int8, OPEN = 1, SHUT = 0, UNKNOWN = -1; read-only.
    """

    at: datetime
    changes_at: datetime | None
    states: NDArray[np.int8]
    _kind_of: NDArray[np.int32] = field(repr=False)
    _states_of_kinds: NDArray[np.int8] = field(repr=False)
    _due_us: NDArray[np.int64] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class HoursBook:
    """The hours of n stores of one zone; a store is known by its place in the list that was read."""

    kinds: tuple[Hours, ...]
    kind_of: NDArray[np.int32]

    @classmethod
    def read(
        cls,
        texts: Sequence[str | None],
        *,
        zone: ZoneInfo,
        country: str | None = None,
        location: LonLat | None = None,
    ) -> "HoursBook":
        """The book of these texts; one that is missing or cannot be read is unknown. Raises: CountryUnknown."""
        numbers: dict[str, int] = {}
        kind_of = np.fromiter(
            (numbers.setdefault((text or "").strip(), len(numbers)) for text in texts), np.int32, len(texts)
        )
        kinds = tuple(Hours.read(text, zone=zone, country=country, location=location) for text in numbers)
        return cls(kinds=kinds, kind_of=_frozen(kind_of))

    def __len__(self) -> int:
        return self.kind_of.size

    def hours(self, store: int) -> Hours:
        """The hours of one store."""
        return self.kinds[int(self.kind_of[store])]

    def open_now(self, now: datetime, *, previous: OpenNow | None = None) -> OpenNow:
        """Every store's state now.

        With the book's previous answer only the hours that have changed since are looked at; if none has, the very
        same array is given back, so `is` tells that there is nothing to swap. A `now` before the previous answer
        starts afresh.

        Raises: TimeNaive.
        """
        if not is_aware(now):
            raise TimeNaive
        if previous is None or now < previous.at or previous._kind_of is not self.kind_of:
            previous = None
            states = np.full(len(self.kinds), UNKNOWN, np.int8)
            due_us = np.full(len(self.kinds), _NEVER, np.int64)
            stale = np.arange(len(self.kinds))
        else:
            states, due_us = previous._states_of_kinds.copy(), previous._due_us.copy()
            stale = np.flatnonzero(due_us <= (now - _EPOCH) // _MICROSECOND)
        for kind in stale:
            states[kind], due_us[kind] = _look(self.kinds[int(kind)], now)
        is_same = previous is not None and np.array_equal(states, previous._states_of_kinds)
        return OpenNow(
            at=now,
            changes_at=_moment(due_us),
            states=previous.states if previous is not None and is_same else _frozen(states[self.kind_of]),
            _kind_of=self.kind_of,
            _states_of_kinds=states,
            _due_us=due_us,
        )


def _look(hours: Hours, now: datetime) -> tuple[int, int]:
    """The state of some hours and the microsecond at which to look again."""
    is_open = hours.is_open(now)
    state = UNKNOWN if is_open is None else int(is_open)
    if not hours.is_known:
        return state, int(_NEVER)
    due = hours.next_change(now) or now + _LOOK_AGAIN_AFTER
    return state, (due - _EPOCH) // _MICROSECOND


def _moment(due_us: NDArray[np.int64]) -> datetime | None:
    first = int(due_us.min(initial=_NEVER))
    return None if first == _NEVER else _EPOCH + first * _MICROSECOND


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.flags.writeable = False
    return array
