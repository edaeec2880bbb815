"""Nearest stores: exactly what a scan by geodesic gives, whatever is asked and wherever on earth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod

from geo.coordinates import LonLat
from geo.errors import CoordinateInvalid
from geo.nearest import ANYTHING, Nearest, SearchInvalid, StoreIndex, Wishes
from geo.nearest_places import IndexInvalid

GEOD = Geod(ellps="WGS84")
CATEGORIES = ("clothes", "cafe", "jade", None)
BRANDS = ("Muji", "星巴克", None)
FLOORS = ("1", "B1", None)


@dataclass(frozen=True, kw_only=True)
class Shops:
    """Columns as the index takes them."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    ids: list[str]
    category: list[str | None]
    brand: list[str | None]
    floor: list[str | None]
    name: list[str]
    open_now: NDArray[np.int8]
    has_offer: NDArray[np.bool_]

    def index(self) -> StoreIndex:
        return StoreIndex.build(**vars(self))


def shops(random: np.random.Generator, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Shops:
    size = lon.size

    def pick(values: tuple[str | None, ...], shares: list[float]) -> list[str | None]:
        return [values[int(choice)] for choice in random.choice(len(values), size, p=shares)]

    return Shops(
        lon=lon,
        lat=lat,
        ids=[f"{number:05d}" for number in random.permutation(size)],
        category=pick(CATEGORIES, [0.6, 0.3, 0.002, 0.098]),
        brand=pick(BRANDS, [0.01, 0.1, 0.89]),
        floor=pick(FLOORS, [0.5, 0.2, 0.3]),
        name=[f"店 {number % 97}" for number in range(size)],
        open_now=random.choice(np.array([-1, 0, 1], np.int8), size, p=[0.2, 0.4, 0.4]),
        has_offer=random.random(size) < 0.1,
    )


def scanned(stores: Shops, origin: LonLat, limit: int, wishes: Wishes) -> list[tuple[float, str]]:
    size = len(stores.ids)
    _, _, metres = GEOD.inv(np.full(size, origin.lon), np.full(size, origin.lat), stores.lon, stores.lat)
    fitting = [
        (float(metres[row]), stores.ids[row])
        for row in range(size)
        if wishes.category in (None, stores.category[row])
        and (not wishes.open_now or stores.open_now[row] == 1)
        and (not wishes.has_offer or stores.has_offer[row])
        and wishes.brand in (None, stores.brand[row])
        and wishes.floor in (None, stores.floor[row])
        and (wishes.words is None or wishes.words in stores.name[row])
        and (wishes.radius_m is None or metres[row] <= wishes.radius_m)
    ]
    return sorted(fitting)[:limit]


def told(index: StoreIndex, found: Nearest) -> list[tuple[float, str]]:
    return [(float(m), index.ids[row]) for m, row in zip(found.distances_m, found.rows, strict=True)]


def scattered(seed: int, size: int, place: str) -> tuple[Shops, list[LonLat]]:
    random = np.random.default_rng(seed)
    if place == "malls":  # many stores at one point, points kilometres apart
        lon, lat = random.uniform(121.4, 121.6, 40)[random.integers(0, 40, size)], np.full(size, 31.2)
    elif place == "antimeridian":
        lon = (180 + random.normal(0, 0.05, size) + 180) % 360 - 180
        lat = -17 + random.normal(0, 0.05, size)
    elif place == "pole":
        lon, lat = random.uniform(-180, 180, size), 90 - np.abs(random.normal(0, 0.05, size))
    elif place == "world":
        lon, lat = random.uniform(-180, 180, size), np.degrees(np.arcsin(random.uniform(-1, 1, size)))
    else:
        lon, lat = 24.94 + random.normal(0, 0.01, size), 60.17 + random.normal(0, 0.005, size)
    stores = shops(random, lon, lat)
    rows = random.integers(0, size, 3)
    origins = [LonLat(lon=float(lon[row]), lat=float(lat[row])) for row in rows]
    origins += [LonLat(lon=180, lat=-17), LonLat(lon=0, lat=90), LonLat(lon=-121.5, lat=-31.2)]
    return stores, origins


WISHES = st.builds(
    Wishes,
    category=st.sampled_from([None, "clothes", "cafe", "jade", "nothing of the kind"]),
    open_now=st.booleans(),
    has_offer=st.booleans(),
    brand=st.sampled_from([None, None, None, "Muji", "星巴克"]),
    floor=st.sampled_from([None, None, "1", "B1", "99"]),
    words=st.sampled_from([None, None, None, "店", "9", "店 13"]),
    radius_m=st.sampled_from([None, None, 300.0, 20_000.0, 9e6]),
)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([1, 40, 600, 6_000]),
    place=st.sampled_from(["street", "malls", "antimeridian", "pole", "world"]),
    limit=st.sampled_from([1, 10, 70]),
    asked=st.lists(WISHES, min_size=1, max_size=4),
)
def test_the_answer_is_that_of_a_full_scan(
    seed: int, size: int, place: str, limit: int, asked: list[Wishes]
) -> None:
    stores, origins = scattered(seed, size, place)
    index = stores.index()
    for origin in origins:
        for wishes in asked:
            found = told(index, index.nearest(origin, limit=limit, wishes=wishes))
            assert found == scanned(stores, origin, limit, wishes)


def street(size: int = 4_000) -> Shops:
    return scattered(7, size, "street")[0]


HERE = LonLat(lon=24.94, lat=60.17)


def test_a_north_south_neighbour_is_not_mistaken_for_an_east_west_one() -> None:
    """At the equator a degree of latitude is 0.7 % shorter than one of longitude: angle alone orders them wrongly."""
    random = np.random.default_rng(1)
    lon = np.array([0.01, *([0.0] * 9)])
    lat = np.array([0.0, *(0.01004 + 0.000001 * np.arange(9))])
    stores = shops(random, np.tile(lon, 100), np.tile(lat, 100))
    found = stores.index().nearest(LonLat(lon=0, lat=0), limit=5)
    assert np.all(stores.lat[found.rows] > 0)


def test_equal_distances_come_in_order_of_id() -> None:
    stores = replace(street(600), lon=np.full(600, 24.94), lat=np.full(600, 60.17))
    found = stores.index().nearest(HERE, limit=20)
    assert [stores.ids[row] for row in found.rows] == sorted(stores.ids)[:20]


def test_new_states_share_everything_else_and_leave_the_old_index_alone() -> None:
    stores = street()
    index = stores.index()
    wishes = Wishes(category="clothes", open_now=True)
    before = told(index, index.nearest(HERE, wishes=wishes))
    night = index.with_open_now(np.zeros(4_000, np.int8))
    assert night.places is index.places
    assert len(night.nearest(HERE, wishes=wishes)) == 0
    assert told(index, index.nearest(HERE, wishes=wishes)) == before


def test_new_offers_are_found() -> None:
    index = street().index().with_has_offer(np.arange(4_000) == 123)
    assert index.nearest(HERE, wishes=Wishes(has_offer=True)).rows.tolist() == [123]


def test_the_index_keeps_no_hold_on_the_callers_arrays() -> None:
    stores = street()
    states = np.ones(4_000, np.int8)
    index = stores.index().with_open_now(states)
    states[:] = 0
    assert len(index.nearest(HERE, wishes=Wishes(open_now=True))) == 10


def test_unknown_hours_are_never_open() -> None:
    columns = vars(street()) | {"open_now": None}
    assert len(StoreIndex.build(**columns).nearest(HERE, wishes=Wishes(open_now=True))) == 0


def test_an_empty_index_finds_nothing() -> None:
    columns: dict[str, Any] = {key: [] for key in vars(street())}
    assert len(StoreIndex.build(**columns).nearest(HERE, wishes=Wishes(open_now=True))) == 0


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_an_impossible_limit_is_refused(limit: int) -> None:
    with pytest.raises(SearchInvalid, match="limit"):
        street().index().nearest(HERE, limit=limit)


@pytest.mark.parametrize("radius_m", [0.0, -5.0, float("nan"), float("inf")])
def test_an_impossible_radius_is_refused(radius_m: float) -> None:
    with pytest.raises(SearchInvalid, match="radius_m"):
        Wishes(radius_m=radius_m)


@pytest.mark.parametrize(("column", "value"), [("lon", 180.1), ("lat", -90.5), ("lat", float("nan"))])
def test_a_store_off_the_globe_is_refused(column: str, value: float) -> None:
    columns = vars(street(50))
    columns[column][17] = value
    with pytest.raises(CoordinateInvalid, match=f"{column} of store 17"):
        StoreIndex.build(**columns)


@pytest.mark.parametrize("column", ["lon", "name", "floor", "open_now"])
def test_columns_of_unequal_length_are_refused(column: str) -> None:
    columns = vars(street(50))
    columns[column] = columns[column][:-1]
    with pytest.raises(IndexInvalid):
        StoreIndex.build(**columns)


def test_a_repeated_id_is_refused() -> None:
    columns = vars(street(50))
    columns["ids"] = ["same"] * 50
    with pytest.raises(IndexInvalid, match="id of its own"):
        StoreIndex.build(**columns)


def test_anything_is_the_default() -> None:
    index = street().index()
    assert told(index, index.nearest(HERE)) == told(index, index.nearest(HERE, limit=10, wishes=ANYTHING))
