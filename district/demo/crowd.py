"""The people inside a demo district: they arrive, walk from store to store, stay a while, and leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from district.demo import curves
from district.demo.people import Arrived, Errand, Mode, Person, Place, Standing
from district.demo.street_graph import StreetGraph
from district.demo.ways import Floats, Integers, Noise, Ways

PACE_MPS, PACE_SPREAD = 1.25, 0.18
SLOWEST_MPS, FASTEST_MPS = 0.7, 1.9
FIX_EVERY_S = (30.0, 60.0)
FEWEST_STOPS, MOST_STOPS = 2, 7
NEARBY_M = 450.0
"""The next store is seldom further away than this."""
STAND_M = 3.0
DRAW_OF_OFFERS = 8.0
"""How much more a store with a campaign draws than another: its window is lit."""


@dataclass(frozen=True, kw_only=True)
class Fixes:
    """Where some people are, as a positioning network would say it."""

    slots: Integers
    at_s: Floats
    """(n,) float64, Unix seconds of business time."""
    x_m: Floats
    y_m: Floats


class Crowd:
    """A fixed number of slots; each holds one person at a time. Times are Unix seconds of business time."""

    def __init__(
        self, graph: StreetGraph, places: Sequence[Place], slots: int, random: np.random.Generator
    ) -> None:
        self._graph = graph
        self._places = places
        self._random = random
        self._place_m = np.array([(place.x_m, place.y_m) for place in places], np.float64).reshape(-1, 2)
        self._corner_of = graph.nearest(self._place_m)
        self._draw = _draw(places)
        self._ways = Ways(slots)
        self._noise = Noise(slots, random)
        self.mode: npt.NDArray[np.int8] = np.zeros(slots, np.int8)
        self._since_s = np.zeros(slots)
        self._until_s = np.full(slots, np.inf)
        self._pace_mps = np.ones(slots)
        self._stand_m = np.zeros((slots, 2))
        self._next_fix_s = np.full(slots, np.inf)
        self._every_s = np.full(slots, FIX_EVERY_S[0])
        self._plans: list[list[Errand]] = [[] for _ in range(slots)]
        self._doing: list[Errand | None] = [None] * slots
        self.people: list[Person | None] = [None] * slots

    @property
    def inside(self) -> int:
        """How many people are in the district."""
        return int(np.count_nonzero(self.mode))

    def floor(self, slot: int) -> str | None:
        """The floor that somebody in a store is on; unknown on the way."""
        errand = self._doing[slot]
        if self.mode[slot] != Mode.STAYING or errand is None:
            return None
        return self._places[errand.place].floor

    def free_slot(self) -> int | None:
        """A slot that nobody holds."""
        free = np.flatnonzero(self.mode == Mode.AWAY)
        return int(free[0]) if len(free) else None

    def slots_inside(self) -> Integers:
        """Slots of everybody inside."""
        return np.flatnonzero(self.mode)

    def arrive(self, slot: int, person: Person, now_s: float) -> None:
        """Somebody comes in from one of the streets that lead here."""
        self._take(slot, person, now_s)
        edge = int(self._random.choice(self._graph.edges))
        self._stand_m[slot] = self._graph.corners_m[edge]
        self._set_out(slot, now_s)

    def appear(self, slot: int, person: Person, now_s: float) -> None:
        """Somebody has been here for a while: in a store, or on the way from one to another."""
        self._take(slot, person, now_s)
        place = self._choose(None)
        self._stand_m[slot] = self._place_m[place]
        if self._random.random() < 0.6:
            self._stay(slot, Errand(place=place), now_s)
            self._until_s[slot] = now_s + (self._until_s[slot] - now_s) * self._random.random()
            return
        self._set_out(slot, now_s)
        walk_s = self._until_s[slot] - now_s
        done_s = walk_s * self._random.random()
        self._since_s[slot] -= done_s
        self._until_s[slot] -= done_s

    def resume(self, slot: int, standing: Standing, now_s: float) -> None:
        """Somebody goes on where he was."""
        self._take(slot, standing.person, now_s)
        self._plans[slot] = list(standing.errands)
        self._stand_m[slot] = standing.x_m, standing.y_m
        if standing.place is None:
            self._set_out(slot, now_s)
            return
        self.mode[slot] = Mode.STAYING
        self._doing[slot] = Errand(place=standing.place)
        self._since_s[slot], self._until_s[slot] = now_s, standing.until_s

    def standing(self, now_s: float) -> list[Standing]:
        """Everybody inside, at this moment."""
        slots = self.slots_inside()
        exact_m = self._exact_m(slots, np.full(len(slots), now_s)).tolist()
        found: list[Standing] = []
        for slot, (x_m, y_m) in zip(slots.tolist(), exact_m, strict=True):
            person, errand = self.people[slot], self._doing[slot]
            if person is None:
                continue
            mode = self.mode[slot]
            on_the_way = (errand,) if errand is not None and mode == Mode.WALKING else ()
            found.append(
                Standing(
                    person=person,
                    x_m=x_m,
                    y_m=y_m,
                    place=errand.place if errand is not None and mode == Mode.STAYING else None,
                    until_s=float(self._until_s[slot]),
                    errands=(*on_the_way, *self._plans[slot]),
                )
            )
        return found

    def send(self, slot: int, errand: Errand) -> None:
        """Put a store first on somebody's list."""
        self._plans[slot].insert(0, errand)

    def clear(self) -> None:
        """Everybody has gone home."""
        for slot in self.slots_inside():
            self._leave(int(slot))

    def step(self, now_s: float) -> list[Arrived]:
        """Let everybody do what is due; who has come to a store with a coupon."""
        arrived: list[Arrived] = []
        for found in np.flatnonzero(self._until_s <= now_s):
            slot = int(found)
            at_s = float(self._until_s[slot])
            errand = self._doing[slot]
            if self.mode[slot] == Mode.WALKING and errand is not None:
                self._stand_m[slot] = self._place_m[errand.place]
                self._stay(slot, errand, at_s)
                if errand.code:
                    arrived.append(Arrived(slot=slot, errand=errand))
            elif self.mode[slot] == Mode.STAYING:
                self._set_out(slot, at_s)
            else:
                self._leave(slot)
        return arrived

    def fixes(self, now_s: float) -> Fixes:
        """The fixes that are due, each at its own instant and with its own error."""
        slots = np.flatnonzero(self._next_fix_s <= now_s)
        at_s = self._next_fix_s[slots]
        seen_m = self._exact_m(slots, at_s) + self._noise.next(slots)
        skipped = np.maximum(np.floor((now_s - at_s) / self._every_s[slots]), 0) + 1
        self._next_fix_s[slots] = at_s + skipped * self._every_s[slots]
        return Fixes(slots=slots, at_s=at_s, x_m=seen_m[:, 0], y_m=seen_m[:, 1])

    def _exact_m(self, slots: Integers, at_s: Floats) -> Floats:
        walked_m = (at_s - self._since_s[slots]) * self._pace_mps[slots]
        is_staying = (self.mode[slots] == Mode.STAYING)[:, None]
        found: Floats = np.where(is_staying, self._stand_m[slots], self._ways.at(slots, walked_m))
        return found

    def _take(self, slot: int, person: Person, now_s: float) -> None:
        stops = int(self._random.integers(FEWEST_STOPS, MOST_STOPS + 1))
        self.people[slot] = person
        self._plans[slot] = [Errand(place=-1)] * stops
        self._pace_mps[slot] = np.clip(self._random.normal(PACE_MPS, PACE_SPREAD), SLOWEST_MPS, FASTEST_MPS)
        self._every_s[slot] = self._random.uniform(*FIX_EVERY_S)
        self._next_fix_s[slot] = now_s + self._random.uniform(0.0, self._every_s[slot])

    def _set_out(self, slot: int, now_s: float) -> None:
        """Towards the next store of the plan, or out of the district when there is none."""
        plan = self._plans[slot]
        if not plan:
            edge = int(self._random.choice(self._graph.edges))
            self._walk(slot, self._graph.corners_m[edge], edge, now_s)
            self.mode[slot] = Mode.LEAVING
            return
        errand = plan.pop(0)
        if errand.place < 0:
            errand = Errand(place=self._choose(self._stand_m[slot]))
        self._doing[slot] = errand
        self._walk(slot, self._place_m[errand.place], int(self._corner_of[errand.place]), now_s)
        self.mode[slot] = Mode.WALKING

    def _walk(self, slot: int, target_m: Floats, corner: int, now_s: float) -> None:
        start = int(self._graph.nearest(self._stand_m[slot][None, :])[0])
        corners_m = np.vstack((self._stand_m[slot], self._graph.way(start, corner), target_m))
        self._ways.set(slot, corners_m)
        self._since_s[slot] = now_s
        self._until_s[slot] = now_s + max(1.0, self._ways.length_m[slot] / self._pace_mps[slot])

    def _stay(self, slot: int, errand: Errand, now_s: float) -> None:
        self.mode[slot] = Mode.STAYING
        self._doing[slot] = errand
        self._stand_m[slot] += self._random.normal(0.0, STAND_M, 2)
        self._since_s[slot] = now_s
        category = self._places[errand.place].category
        self._until_s[slot] = now_s + curves.store_stay_s(category, self._random)

    def _leave(self, slot: int) -> None:
        self.mode[slot] = Mode.AWAY
        self.people[slot] = None
        self._doing[slot] = None
        self._until_s[slot] = self._next_fix_s[slot] = np.inf

    def _choose(self, near_m: Floats | None) -> int:
        """A store to go to: one that draws people, and not far away."""
        weights = self._draw
        if near_m is not None:
            distance_m = np.hypot(*(self._place_m - near_m).T)
            weights = weights * np.exp(-((distance_m / NEARBY_M) ** 2)) * (distance_m > 1.0)
        total = weights.sum()
        if total <= 0:
            return int(self._random.integers(len(self._places)))
        return int(np.searchsorted(np.cumsum(weights), self._random.random() * total))


def _draw(places: Sequence[Place]) -> Floats:
    draws: dict[str, float] = {
        "department_store": 6.0,
        "mall": 6.0,
        "supermarket": 3.0,
        "cafe": 2.0,
        "clothes": 2.0,
    }
    weights: Floats = np.array(
        [draws.get(place.category, 1.0) * (DRAW_OF_OFFERS if place.has_offers else 1.0) for place in places]
    )
    return weights


def meraki_post(fixes: Fixes, observations: Sequence[dict[str, Any]], secret: str) -> dict[str, Any]:
    """A version 3 post of the Scanning API for these observations."""
    end = float(fixes.at_s.max()) if len(fixes.at_s) else 0.0
    return {
        "version": "3.0",
        "secret": secret,
        "type": "WiFi",
        "data": {"networkId": "N_demo", "startTime": end, "endTime": end, "observations": list(observations)},
    }
