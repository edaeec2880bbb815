"""The stores of the districts in memory: nearest first, open now, with an offer, without a database call."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from district.districts.service import DistrictInfo
from district.stores.trades import words_of
from geo.coordinates import LonLat
from geo.hours import CountryUnknown
from geo.metric import distances_m
from geo.nearest import ANYTHING, StoreIndex, Wishes
from geo.open_now import HoursBook, OpenNow

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreFacts:
    """What the public may know of a store."""

    id: uuid.UUID
    ref: str
    name: str
    name_zh: str
    category: str
    brand: str
    opening_hours: str
    floor: str | None
    address: str
    position: LonLat
    website: str = ""
    phone: str = ""

    def title(self, language: str) -> str:
        """Its name in a language; empty when the source knows none."""
        return self.name_zh if language.startswith("zh") and self.name_zh else self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveOffer:
    """A live campaign of a store, and when it runs; None is without end."""

    store_id: uuid.UUID
    starts_at: datetime | None
    ends_at: datetime | None

    def is_running(self, now: datetime) -> bool:
        """Whether it may give offers now."""
        return (self.starts_at is None or self.starts_at <= now) and (
            self.ends_at is None or now < self.ends_at
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class HoursNow:
    """The hours of a store as they stand; True from ``at`` until ``until``."""

    at: datetime
    until: datetime | None
    open_now: bool | None
    opens_at: str | None
    """RFC 3339, in the district's zone."""
    closes_at: str | None

    def holds(self, now: datetime) -> bool:
        """Whether this is still so."""
        return self.at <= now and (self.until is None or now < self.until)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A store as a search gives it."""

    district: DistrictInfo
    facts: StoreFacts
    hours: HoursNow
    has_offer: bool
    distance_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    """What holds from ``at`` on, for about a minute."""

    at: datetime
    open: OpenNow
    index: StoreIndex

    def holds(self, now: datetime) -> bool:
        changes_at = self.open.changes_at
        return self.at <= now < self.at + _MINUTE and (changes_at is None or now < changes_at)


@dataclass(kw_only=True)
class DistrictStores:
    """The open and coming stores of one district. Only the answers that time changes are ever replaced."""

    district: DistrictInfo
    stores: Sequence[StoreFacts]
    offers: Sequence[LiveOffer]
    book: HoursBook
    rows: Mapping[uuid.UUID, int]
    refs: Mapping[str, int]
    reach_m: float
    """How far from the district's centre its furthest store is."""
    _state: _State
    _hours: dict[int, HoursNow] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        district: DistrictInfo,
        stores: Sequence[StoreFacts],
        offers: Sequence[LiveOffer],
        *,
        now: datetime,
    ) -> "DistrictStores":
        """The stores of a district as they stand now."""
        book = _book_of(district, [store.opening_hours for store in stores])
        open_now = book.open_now(now)
        rows = {store.id: row for row, store in enumerate(stores)}
        index = index_of(stores, open_now.states, _has_offer(rows, offers, now))
        state = _State(at=now, open=open_now, index=index)
        return cls(
            district=district,
            stores=stores,
            offers=offers,
            book=book,
            rows=rows,
            refs={store.ref: row for row, store in enumerate(stores)},
            reach_m=_reach_m(district.center, stores),
            _state=state,
        )

    def with_offers(self, offers: Sequence[LiveOffer], *, now: datetime) -> "DistrictStores":
        """The same stores with other offers; nothing that costs time is made again."""
        changed = replace(self, offers=offers)
        changed._state = changed._moved(self._state, now)
        return changed

    def at(self, now: datetime) -> StoreIndex:
        """The index as it stands: hours to the second, offers to the minute."""
        state = self._state
        if not state.holds(now):
            state = self._state = self._moved(state, now)
        return state.index

    def _moved(self, state: _State, now: datetime) -> _State:
        open_now = self.book.open_now(now, previous=state.open)
        index = state.index
        if open_now.states is not state.open.states:
            index = index.with_open_now(open_now.states)
        has_offer = _has_offer(self.rows, self.offers, now)
        if not np.array_equal(has_offer, index.has_offer):
            index = index.with_has_offer(has_offer)
        return _State(at=now, open=open_now, index=index)

    def nearest(
        self, origin: LonLat, *, now: datetime, limit: int = 10, wishes: Wishes = ANYTHING
    ) -> list[Found]:
        """The nearest stores that fit, nearest first, equal distances by id."""
        index = self.at(now)
        found = index.nearest(origin, limit=limit, wishes=wishes)
        district, stores, has_offer = self.district, self.stores, index.has_offer
        return [
            Found(
                district=district,
                facts=stores[row],
                hours=self.hours_now(row, now),
                has_offer=bool(has_offer[row]),
                distance_m=distance_m,
            )
            for row, distance_m in zip(found.rows.tolist(), found.distances_m.tolist(), strict=True)
        ]

    def found(self, row: int, *, now: datetime, distance_m: float) -> Found:
        """One store as it stands."""
        return Found(
            district=self.district,
            facts=self.stores[row],
            hours=self.hours_now(row, now),
            has_offer=bool(self.at(now).has_offer[row]),
            distance_m=distance_m,
        )

    def hours_now(self, row: int, now: datetime) -> HoursNow:
        """Whether a store is open, and when that ends. Stores of equal hours share one answer."""
        kind = int(self.book.kind_of[row])
        known = self._hours.get(kind)
        if known is None or not known.holds(now):
            known = self._hours[kind] = self._look(row, now)
        return known

    def _look(self, row: int, now: datetime) -> HoursNow:
        hours = self.book.hours(row)
        opens_at, closes_at = hours.opens_at(now), hours.closes_at(now)
        return HoursNow(
            at=now,
            until=hours.next_change(now),
            open_now=hours.is_open(now),
            opens_at=self._local(opens_at),
            closes_at=self._local(closes_at),
        )

    def _local(self, at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(self.district.zone).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class StoreBook:
    """All districts' stores. Each has its own index, so that a change in one rebuilds no other."""

    by_district: Mapping[uuid.UUID, DistrictStores] = field(default_factory=dict)
    _parts: Sequence[DistrictStores] = ()
    _centers: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    """lon, lat and reach_m of each part, (d,) float64."""

    @classmethod
    def build(cls, by_district: Mapping[uuid.UUID, DistrictStores]) -> "StoreBook":
        """A book of these districts."""
        parts = [part for part in by_district.values() if part.stores]
        centers = [part.district.center for part in parts]
        reach_m = np.array([part.reach_m for part in parts])
        columns = (
            np.array([center.lon for center in centers]),
            np.array([center.lat for center in centers]),
            reach_m,
        )
        return cls(by_district=by_district, _parts=parts, _centers=columns)

    def nearest(self, origin: LonLat, *, now: datetime, limit: int, wishes: Wishes) -> list[Found]:
        """The nearest stores of all districts, nearest first.

        Districts are asked in the order of the least distance that a store of theirs can have, until none that is
        left can hold a nearer one.
        """
        if self._centers is None or not self._parts:
            return []
        lon, lat, reach_m = self._centers
        least_m = distances_m(np.array(origin.lon), np.array(origin.lat), lon, lat) - reach_m
        best: list[Found] = []
        for part in np.argsort(least_m, kind="stable").tolist():
            if len(best) == limit and best[-1].distance_m < least_m[part]:
                break
            if wishes.radius_m is not None and least_m[part] > wishes.radius_m:
                break
            best += self._parts[part].nearest(origin, now=now, limit=limit, wishes=wishes)
            best = sorted(best, key=lambda item: (item.distance_m, item.facts.id))[:limit]
        return best


def index_of(stores: Sequence[StoreFacts], open_now: np.ndarray, has_offer: np.ndarray) -> StoreIndex:
    """The index of these stores, rows in their order. A store without a brand answers to its name."""
    return StoreIndex.build(
        ids=[str(store.id) for store in stores],
        lon=[store.position.lon for store in stores],
        lat=[store.position.lat for store in stores],
        category=[store.category or None for store in stores],
        name=[f"{store.name} {store.name_zh}".strip() for store in stores],
        brand=[store.brand or store.name or None for store in stores],
        floor=[store.floor for store in stores],
        open_now=open_now,
        has_offer=has_offer,
        words_of=words_of,
    )


def _book_of(district: DistrictInfo, hours: Sequence[str]) -> HoursBook:
    try:
        return HoursBook.read(
            hours, zone=district.zone, country=district.country or None, location=district.center
        )
    except CountryUnknown:  # its public holidays are not known, its weekdays are
        return HoursBook.read(hours, zone=district.zone, location=district.center)


def _reach_m(center: LonLat, stores: Sequence[StoreFacts]) -> float:
    lon = np.array([store.position.lon for store in stores])
    lat = np.array([store.position.lat for store in stores])
    return float(distances_m(np.array(center.lon), np.array(center.lat), lon, lat).max(initial=0.0))


def _has_offer(rows: Mapping[uuid.UUID, int], offers: Sequence[LiveOffer], now: datetime) -> np.ndarray:
    mask = np.zeros(len(rows), np.bool_)
    for offer in offers:
        row = rows.get(offer.store_id)
        if row is not None and offer.is_running(now):
            mask[row] = True
    return mask
