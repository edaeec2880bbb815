"""From fixes and the visits that were under way before them to visits: pure, the same for any window."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from district.visits.fixes import Fixes, Integers, Person, distinct
from geo.visits import OUTSIDE, VisitRule, sessionise

RULE = VisitRule()
"""Ends after 10 minutes without a fix, counts from 2 minutes on (docs/metrics.md)."""
_NAMESPACE = uuid.UUID("5b0ff2f6-6c53-5b0c-8a3e-5f0a4b7b1d55")
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_FIXES = 32_767


class PlaceKind(StrEnum):
    """What a visit is to."""

    DISTRICT = "district"
    ZONE = "zone"
    STORE = "store"


@dataclass(frozen=True, kw_only=True)
class Stay:
    """One person's visit to one place. ``fixes`` counts distinct instants; late ones inside it may be missing."""

    person: Person
    kind: PlaceKind
    place_id: uuid.UUID | None
    start_ms: int
    end_ms: int
    fixes: int

    @property
    def id(self) -> uuid.UUID:
        """The same whenever the visit is made again."""
        return uuid.uuid5(_NAMESPACE, f"{self.person.key}:{self.kind}:{self.place_id}:{self.start_ms}")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Places of one kind of which a fix is in one at most: (n,) numbers of ``places``, OUTSIDE for none."""

    kind: PlaceKind
    places: Sequence[uuid.UUID | None]
    place: Integers


def make(
    layer: Layer,
    fixes: Fixes,
    used: Integers,
    before: Sequence[Stay],
    *,
    since_ms: int,
    rule: VisitRule = RULE,
) -> list[Stay]:
    """The visits to the layer's places from ``since_ms`` on.

    ``used``: which fixes count, none before since_ms. ``before``: the visits to these places that were under way at
    since_ms. They go on from where they began: to the rule they are fixes never a gap apart, so that only what is newer
    need be read again. Those that ended before it are final, as long as since_ms lies a gap or more before what was read
    when they were made: nobody comes back into a visit after a gap.
    """
    people = {person: number for number, person in enumerate(fixes.people)}
    known = list(fixes.people)
    for stay in before:
        if stay.person not in people:
            people[stay.person] = len(known)
            known.append(stay.person)
    numbers = {place: number for number, place in enumerate(layer.places)}
    past = [_trace(people[one.person], numbers[one.place_id], one, since_ms, rule) for one in before]
    columns = np.concatenate(
        [np.stack([fixes.person[used], layer.place[used], fixes.at_ms[used]]), *past], axis=1
    )
    made = sessionise(*columns, rule=rule)
    begun = {(stay.person, stay.place_id, stay.start_ms): stay for stay in before}
    counter = _Counter(fixes, used)
    stays = (
        Stay(
            person=known[person],
            kind=layer.kind,
            place_id=layer.places[place],
            start_ms=start,
            end_ms=end,
            fixes=count,
        )
        for person, place, start, end, count in zip(
            made.person.tolist(),
            made.zone.tolist(),
            made.start_ms.tolist(),
            made.end_ms.tolist(),
            made.fixes.tolist(),
            strict=True,
        )
        if place != OUTSIDE
    )
    return [_gone_on(stay, begun, people, counter) for stay in stays]


def _trace(person: int, place: int, stay: Stay, since_ms: int, rule: VisitRule) -> Integers:
    """(3, k) stand-ins for the fixes of a visit before the window, at most a gap apart."""
    end_ms = min(stay.end_ms, since_ms - 1)
    at_ms = np.append(np.arange(stay.start_ms, end_ms, rule.gap // _MILLISECOND, dtype=np.int64), end_ms)
    return np.stack([np.full(at_ms.size, person), np.full(at_ms.size, place), at_ms])


class _Counter:
    """How many fixes a person has in a stretch of time."""

    def __init__(self, fixes: Fixes, used: Integers) -> None:
        pairs, _ = distinct(np.stack([fixes.person[used], fixes.at_ms[used]], axis=1))
        self._person, self._at_ms = pairs[:, 0], pairs[:, 1]

    def between(self, person: int, after_ms: int, until_ms: int) -> int:
        """Instants later than one and not later than the other."""
        first, last = np.searchsorted(self._person, [person, person + 1])
        mine = self._at_ms[first:last]
        low, high = np.searchsorted(mine, [after_ms, until_ms], side="right")
        return int(high - low)


def _gone_on(
    stay: Stay,
    begun: dict[tuple[Person, uuid.UUID | None, int], Stay],
    people: dict[Person, int],
    counter: _Counter,
) -> Stay:
    """A visit from before the window keeps the fixes that it was stored with; newer ones are added."""
    earlier = begun.get((stay.person, stay.place_id, stay.start_ms))
    if earlier is None:
        return replace(stay, fixes=min(stay.fixes, MOST_FIXES))
    newer = counter.between(people[stay.person], earlier.end_ms, stay.end_ms)
    end_ms = max(stay.end_ms, earlier.end_ms) if newer == 0 else stay.end_ms
    return replace(stay, end_ms=end_ms, fixes=min(earlier.fixes + newer, MOST_FIXES))


def owned(stays: Iterable[Stay], fixes: Fixes) -> list[Stay]:
    """Visits of devices that turned out to be a member's become the member's."""
    moved = []
    for stay in stays:
        owner = fixes.owners.get(stay.person.device) if stay.person.device else None
        moved.append(replace(stay, person=Person(member_id=owner)) if owner else stay)
    return moved


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // _MILLISECOND


def moment(at_ms: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + at_ms * _MILLISECOND
