"""The nearest stores that fit some wishes: exactly the k nearest by geodesic, from memory."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.coordinates import LonLat
from geo.errors import GeoError
from geo.nearest_labels import Labels, fold
from geo.nearest_places import IndexInvalid, Places
from geo.nearest_sphere import (
    Cluster,
    Flags,
    Floats,
    Rows,
    chord_of_radius,
    chords,
    geodesics_m,
    unit_vector,
    widened,
)

LIMIT_MOST: Final = 1_000
WORDS_MOST: Final = 100

_OPEN: Final = 1
_OFFER: Final = 2
_FLAG_SETS: Final = 4
_RARE: Final = 0.005
_SCANNED_AT_ONCE: Final = 512
_OVER_FETCH: Final = 1.6
_FETCHED_MORE: Final = 8
_WHOLE_SHARE: Final = 16
"""A tree's heap costs this much more a store than a scan does: beyond a 16th of the tree, the scan is quicker."""


class SearchInvalid(GeoError):
    """A search for stores that cannot be answered as query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the stores must be; None and False ask nothing.

    words: contained in name or brand, or the beginning of a word for the category; brand: equal, whatever its case and width; radius_m: geodesic, inclusive.
    Raises: SearchInvalid.
    """

    category: str | None = None
    open_now: bool = False
    has_offer: bool = False
    words: str | None = None
    brand: str | None = None
    floor: str | None = None
    radius_m: float | None = None

    def __post_init__(self) -> None:
        if self.radius_m is not None and not 0 < self.radius_m < math.inf:
            raise SearchInvalid("radius_m must be a number of metres above zero; leave it out for no bound.")
        if self.words is not None and len(self.words) > WORDS_MOST:
            raise SearchInvalid(f"The search text must have at most {WORDS_MOST} characters; shorten it.")


ANYTHING: Final = Wishes()


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearest:
    """The stores found, nearest first, equal distances by id. rows: (k,) places in the index; distances_m: (k,)."""

    rows: Rows
    distances_m: Floats

    def __len__(self) -> int:
        return self.rows.size


@dataclass(frozen=True, kw_only=True, slots=True)
class _Query:
    """A search in the index's own terms. reach: a chord that no answer exceeds.

    listed: the rows that a brand or words leave, None for all; is_listed: the same, (n,), once it is needed.
    """

    vector: tuple[float, float, float]
    limit: int
    reach: float
    flags: int
    category: int | None
    floor: int | None
    listed: Rows | None
    is_listed: Flags | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreIndex:
    """The stores of one or many districts, immutable and safe to share between threads.

    open_now: (n,) int8, 1 open, 0 shut, -1 unknown; has_offer: (n,) bool.
    """

    places: Places
    open_now: NDArray[np.int8]
    has_offer: Flags
    _flags: NDArray[np.uint8] = field(repr=False)
    _fitting: list[list[int]] = field(repr=False)
    """By category number (-1: all stores), then by flags asked: how many stores have all of these."""

    @classmethod
    def build(
        cls,
        *,
        ids: Sequence[str],
        lon: ArrayLike,
        lat: ArrayLike,
        category: Sequence[str | None],
        name: Sequence[str],
        brand: Sequence[str | None],
        floor: Sequence[str | None],
        open_now: ArrayLike | None = None,
        has_offer: ArrayLike | None = None,
        words_of: Callable[[str], Iterable[str]] = lambda _category: (),
    ) -> "StoreIndex":
        """An index of n stores from columns of n; without open_now all hours are unknown.

        words_of: the words, in any language, for which stores of a category are found.

        Raises: IndexInvalid for columns of unequal length or a repeated id; CoordinateInvalid.
        """
        places = Places.read(
            ids=ids,
            lon=lon,
            lat=lat,
            category=category,
            name=name,
            brand=brand,
            floor=floor,
            words_of=words_of,
        )
        state = np.full(len(ids), -1) if open_now is None else open_now
        offer = np.zeros(len(ids), np.bool_) if has_offer is None else has_offer
        return cls._with(places, state, offer)

    @classmethod
    def _with(cls, places: Places, open_now: ArrayLike, has_offer: ArrayLike) -> "StoreIndex":
        size = len(places.ids)
        state, offer = np.array(open_now, np.int8), np.array(has_offer, np.bool_)
        if state.shape != (size,) or offer.shape != (size,):
            raise IndexInvalid(f"open_now and has_offer need one value for each of the {size} stores.")
        flags = (state == 1) * np.uint8(_OPEN) + offer * np.uint8(_OFFER)
        for array in (state, offer, flags):
            array.flags.writeable = False
        fitting = _counts_by_flags(places.category, flags)
        return cls(places=places, open_now=state, has_offer=offer, _flags=flags, _fitting=fitting)

    def __len__(self) -> int:
        return len(self.places.ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each row."""
        return self.places.ids

    def with_open_now(self, open_now: ArrayLike) -> "StoreIndex":
        """The same stores with other states; shares everything else, so it costs O(n) and rebuilds no tree."""
        return self._with(self.places, open_now, self.has_offer)

    def with_has_offer(self, has_offer: ArrayLike) -> "StoreIndex":
        """The same stores with other offers; shares everything else, so it costs O(n) and rebuilds no tree."""
        return self._with(self.places, self.open_now, has_offer)

    def nearest(self, origin: LonLat, *, limit: int = 10, wishes: Wishes = ANYTHING) -> Nearest:
        """At most `limit` stores that fit, nearest first: exactly those that a scan by geodesic would give.

        Raises: SearchInvalid for a limit outside 1 to 1,000.
        """
        if not 1 <= limit <= LIMIT_MOST:
            raise SearchInvalid(f"limit must be between 1 and {LIMIT_MOST}.")
        query = self._query(origin, limit, wishes)
        rows = np.empty(0, np.intp) if query is None else self._candidates(query)
        distances_m = geodesics_m(origin.lon, origin.lat, self.places.lon[rows], self.places.lat[rows])
        order = np.lexsort((self.places.rank[rows], distances_m))[:limit]
        rows, distances_m = rows[order], distances_m[order]
        if wishes.radius_m is not None:
            within = distances_m <= wishes.radius_m
            rows, distances_m = rows[within], distances_m[within]
        return Nearest(rows=rows, distances_m=distances_m)

    def _query(self, origin: LonLat, limit: int, wishes: Wishes) -> _Query | None:
        """The search in numbers; None if no store has its category or floor."""
        places = self.places
        category = None if wishes.category is None else places.category.numbers.get(wishes.category)
        floor = None if wishes.floor is None else places.floor.numbers.get(wishes.floor)
        if (wishes.category is not None and category is None) or (wishes.floor is not None and floor is None):
            return None
        return _Query(
            vector=unit_vector(origin.lon, origin.lat),
            limit=limit,
            reach=math.inf if wishes.radius_m is None else chord_of_radius(wishes.radius_m),
            flags=(_OPEN if wishes.open_now else 0) | (_OFFER if wishes.has_offer else 0),
            category=category,
            floor=floor,
            listed=self._listed(wishes),
        )

    def _candidates(self, query: _Query) -> Rows:
        """Few rows, all fitting, that hold the nearest of those that fit and lie within reach."""
        places = self.places
        if query.listed is not None:
            if query.listed.size <= max(_SCANNED_AT_ONCE, _RARE * len(self)):
                return self._scanned(query.listed, query)
            query = replace(query, is_listed=self._member_flags(query.listed))
        cluster = places.everything if query.category is None else places.by_category[query.category]
        share = self._expected(query) / max(len(cluster), 1)
        if len(cluster) <= _SCANNED_AT_ONCE or share < _RARE:
            return self._scanned(cluster.rows, query)
        return self._searched(cluster, query, int(query.limit / share * _OVER_FETCH) + _FETCHED_MORE)

    def _searched(self, cluster: Cluster, query: _Query, fetched: int) -> Rows:
        """Candidates from a tree: fetch, keep what fits, fetch twice as many until nothing nearer can be left."""
        limit = query.limit
        while fetched <= len(cluster) // _WHOLE_SHARE:
            distances, rows = cluster.first(fetched, query.vector)
            fits = self._fits(rows, query)
            fitting = distances if fits is None else distances[fits]
            nearest_k = widened(float(fitting[limit - 1])) if fitting.size >= limit else math.inf
            bound = min(query.reach, nearest_k)
            if distances[-1] > bound:
                return (rows if fits is None else rows[fits])[: np.searchsorted(fitting, bound, side="right")]
            fetched *= 2
        return self._scanned(cluster.rows, query)

    def _scanned(self, rows: Rows, query: _Query) -> Rows:
        """Candidates from a list: every row that fits is measured."""
        fits = self._fits(rows, query)
        rows = rows if fits is None else rows[fits]
        distances = chords(self.places.vectors[rows], query.vector)
        bound = query.reach
        if rows.size > query.limit:
            bound = min(bound, widened(float(np.partition(distances, query.limit - 1)[query.limit - 1])))
        return rows[distances <= bound]

    def _listed(self, wishes: Wishes) -> Rows | None:
        listed = None
        if wishes.brand is not None:
            brand = self.places.brand.numbers.get(fold(wishes.brand))
            listed = np.empty(0, np.intp) if brand is None else self.places.brand_rows[brand]
        words = fold(wishes.words) if wishes.words else ""
        if words:
            named = self.places.called(words)
            listed = named if listed is None else np.intersect1d(listed, named, assume_unique=True)
        return listed

    def _expected(self, query: _Query) -> float:
        """About how many stores fit, were floors, brands and names independent of categories."""
        expected = float(self._fitting[-1 if query.category is None else query.category][query.flags])
        if query.floor is not None:
            expected *= self.places.floor.counts[query.floor] / len(self)
        if query.listed is not None:
            expected *= query.listed.size / len(self)
        return expected

    def _member_flags(self, rows: Rows) -> Flags:
        flags = np.zeros(len(self), np.bool_)
        flags[rows] = True
        return flags

    def _fits(self, rows: Rows, query: _Query) -> Flags | None:
        """Which rows fit, None for all of them."""
        checks = []
        if query.flags:
            checks.append(self._flags[rows] & query.flags == query.flags)
        if query.listed is not None and query.category is not None:
            checks.append(self.places.category.codes[rows] == query.category)
        if query.floor is not None:
            checks.append(self.places.floor.codes[rows] == query.floor)
        if query.is_listed is not None:
            checks.append(query.is_listed[rows])
        return np.logical_and.reduce(checks) if checks else None


def _counts_by_flags(category: Labels, flags: NDArray[np.uint8]) -> list[list[int]]:
    kinds = len(category.numbers) + 1
    exact = np.bincount((category.codes + 1) * _FLAG_SETS + flags, minlength=kinds * _FLAG_SETS)
    exact = exact.reshape(kinds, _FLAG_SETS)
    supersets = [[kind for kind in range(_FLAG_SETS) if kind & asked == asked] for asked in range(_FLAG_SETS)]
    fitting = np.column_stack([exact[:, kinds_of].sum(axis=1) for kinds_of in supersets])
    # The stores without a category come first; they are only ever asked for among all.
    return [*fitting[1:].tolist(), fitting.sum(axis=0).tolist()]
