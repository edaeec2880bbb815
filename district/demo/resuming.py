"""Who walks and where, kept in a file: walkers that are killed come back as the same people, so nobody is counted twice."""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from district.clock import monotonic
from district.demo.people import Errand, Person, Standing
from district.embedded.files import write_private

EVERY_S = 3.0
"""Of machine time: who came since is lost with a kill."""
FORGOTTEN_AFTER = timedelta(hours=2)
"""Business time after which they have gone, and others may as well come: a stay is seldom longer."""
log = structlog.get_logger()


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One person inside. Errands are (store, offer, code)."""

    mac: str
    number: int | None
    token: str
    joins: bool
    has_joined: bool
    seen: tuple[str, ...]
    x_m: float
    y_m: float
    store_id: str | None
    until_s: float
    errands: tuple[tuple[str, str, str], ...]


class State(msgspec.Struct, frozen=True):
    """All of them, at one business time."""

    district_id: uuid.UUID
    at_s: float
    people: tuple[Kept, ...]


@dataclass(kw_only=True)
class Diary:
    """The file of one district's walkers; readable by nobody else, for it holds their sessions."""

    path: Path
    district_id: uuid.UUID
    store_ids: Sequence[str]
    """By number of the place."""
    _due_s: float = 0.0
    _is_writable: bool = True

    def is_due(self) -> bool:
        """Whether it is time to write."""
        return self._is_writable and monotonic() >= self._due_s

    def note(self, standing: Sequence[Standing], now_s: float) -> None:
        """Write it down; a file that cannot be written is said once."""
        self._due_s = monotonic() + EVERY_S
        state = State(
            district_id=self.district_id, at_s=now_s, people=tuple(self._kept(one) for one in standing)
        )
        try:
            write_private(self.path, msgspec.json.encode(state).decode())
        except OSError as error:
            self._is_writable = False
            log.warning("walkers.not_kept", error=type(error).__name__)

    def read(self, now_s: float, sessions: Mapping[int, str]) -> list[Standing]:
        """Who was inside a moment ago. Past members get the session of now; nobody after too long a silence."""
        try:
            state = msgspec.json.decode(self.path.read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return []
        silent_s = now_s - state.at_s
        if state.district_id != self.district_id or not 0 <= silent_s < FORGOTTEN_AFTER.total_seconds():
            return []
        numbers = {store_id: number for number, store_id in enumerate(self.store_ids)}
        found = [self._standing(one, numbers, sessions) for one in state.people]
        return [one for one in found if one is not None]

    def forget(self) -> None:
        """The evening: nobody comes back."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _kept(self, one: Standing) -> Kept:
        person = one.person
        return Kept(
            mac=person.mac,
            number=person.number,
            token=person.token,
            joins=person.joins,
            has_joined=person.has_joined,
            seen=tuple(person.seen),
            x_m=round(one.x_m, 2),
            y_m=round(one.y_m, 2),
            store_id=None if one.place is None else self.store_ids[one.place],
            until_s=one.until_s,
            errands=tuple(
                (self.store_ids[errand.place] if errand.place >= 0 else "", errand.offer_id, errand.code)
                for errand in one.errands
            ),
        )

    @staticmethod
    def _standing(kept: Kept, numbers: Mapping[str, int], sessions: Mapping[int, str]) -> Standing | None:
        if kept.number is not None and kept.number not in sessions:
            return None
        person = Person(
            mac=kept.mac,
            number=kept.number,
            token=kept.token if kept.number is None else sessions[kept.number],
            joins=kept.joins,
            has_joined=kept.has_joined,
            seen=set(kept.seen),
        )
        return Standing(
            person=person,
            x_m=kept.x_m,
            y_m=kept.y_m,
            place=numbers.get(kept.store_id) if kept.store_id else None,
            until_s=kept.until_s,
            errands=tuple(
                Errand(place=numbers.get(store_id, -1), offer_id=offer_id, code=code)
                for store_id, offer_id, code in kept.errands
            ),
        )
