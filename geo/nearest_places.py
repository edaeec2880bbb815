"""Where the stores of an index are and what they are called: built once, shared by the indexes of every minute."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from geo.errors import CoordinateInvalid, GeoError
from geo.nearest_labels import Labels, Names, Trades, fold
from geo.nearest_sphere import Cluster, Floats, Rows, unit_vectors

_WORDS_READ: Final = 6
"""A longer text is a name or a sentence, and is searched for as it stands."""


class IndexInvalid(GeoError):
    """Columns from which no index of stores can be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """The columns of n stores that change only with the stores. rank: (n,) the place of each id in their order."""

    ids: tuple[str, ...]
    rank: Rows
    lon: Floats
    lat: Floats
    vectors: Floats
    category: Labels
    brand: Labels
    floor: Labels
    names: Names
    trades: Trades
    brand_rows: list[Rows]
    everything: Cluster
    by_category: list[Cluster]

    @classmethod
    def read(
        cls,
        *,
        ids: Sequence[str],
        lon: ArrayLike,
        lat: ArrayLike,
        category: Sequence[str | None],
        name: Sequence[str],
        brand: Sequence[str | None],
        floor: Sequence[str | None],
        words_of: Callable[[str], Iterable[str]],
    ) -> "Places":
        """Check the columns and build the trees. Raises: IndexInvalid, CoordinateInvalid."""
        size = len(ids)
        if any(len(column) != size for column in (category, name, brand, floor)):
            raise IndexInvalid("All columns of an index need one value for each store.")
        lons, lats = _degrees("lon", lon, size, 180), _degrees("lat", lat, size, 90)
        vectors = unit_vectors(lons, lats)
        categories = Labels.read(category, size)
        folded = {label: fold(label) or None for label in set(brand) if label is not None}
        brands = Labels.read((None if label is None else folded[label] for label in brand), size)
        return cls(
            ids=tuple(ids),
            rank=_ranks(ids),
            lon=lons,
            lat=lats,
            vectors=vectors,
            category=categories,
            brand=brands,
            floor=Labels.read(floor, size),
            names=Names.read(name, brand),
            trades=Trades.read(categories, words_of),
            brand_rows=brands.rows(),
            everything=Cluster.of(np.arange(size), vectors),
            by_category=[Cluster.of(rows, vectors) for rows in categories.rows()],
        )

    def called(self, words: str) -> Rows:
        """The rows, ascending, that are meant by folded words.

        The words as they stand are in the name or brand; or each of them means the trade; or those that do not are
        in the name or brand.
        """
        found = np.zeros(len(self.ids), np.bool_)
        found[self.names.containing(words)] = True
        named: dict[str, Rows] = {}
        for number, rest in self._trades_meant(words.split()):
            of_trade = self.by_category[number].rows
            if not rest:
                found[of_trade] = True
                continue
            if rest not in named:
                named[rest] = self.names.containing(rest)
            found[np.intersect1d(of_trade, named[rest], assume_unique=True)] = True
        return np.flatnonzero(found)

    def _trades_meant(self, words: list[str]) -> list[tuple[int, str]]:
        """The categories that most of the words mean, each with the words that do not mean it."""
        if len(words) > _WORDS_READ:
            return []
        meant = [self.trades.meant(word) for word in words]
        counts = Counter(number for numbers in meant for number in numbers)
        most = max(counts.values(), default=0)
        return [
            (
                number,
                " ".join(word for word, numbers in zip(words, meant, strict=True) if number not in numbers),
            )
            for number, count in counts.items()
            if count == most
        ]


def _degrees(name: str, values: ArrayLike, size: int, limit: int) -> Floats:
    degrees = np.array(values, np.float64)
    if degrees.shape != (size,):
        raise IndexInvalid(f"{name} needs one value for each of the {size} stores.")
    wrong = np.flatnonzero(~(np.abs(degrees) <= limit))
    if wrong.size:
        raise CoordinateInvalid(
            f"{name} of store {int(wrong[0])} must be a finite number within ±{limit} degrees."
        )
    degrees.flags.writeable = False
    return degrees


def _ranks(ids: Sequence[str]) -> Rows:
    if all(first < second for first, second in pairwise(ids)):
        return np.arange(len(ids))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    if any(ids[first] == ids[second] for first, second in pairwise(order)):
        raise IndexInvalid("Every store of an index needs an id of its own.")
    rank = np.empty(len(ids), np.intp)
    rank[order] = np.arange(len(ids))
    return rank
