"""The invented district has the published size, is said to be invented, and reads like any import."""

import csv
import io
from collections import Counter
from importlib.resources import as_file
from random import Random

import numpy as np
import pytest
import shapely

from district.demo import shiyan
from district.demo.shiyan_names import NOUNS
from district.demo.shops import StoreSpot, idea_of, plan_of
from district.demo.street_graph import KEY_DECIMALS, StreetGraph
from district.demo.world import World
from district.stores import sources
from district.stores.sources import Place
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84
from geo.metric import LocalPlane


@pytest.fixture(scope="module")
def world() -> World:
    return shiyan.world()


@pytest.fixture(scope="module")
def shops(world: World) -> list[Place]:
    with as_file(world.stores_file) as path:
        rows = list(sources.read(path))
    assert all(isinstance(row, Place) for row in rows)
    return [row for row in rows if isinstance(row, Place)]


def test_it_is_labelled_invented_in_both_languages(world: World) -> None:
    new = world.district
    assert (new.label, new.zone, new.currency, new.datum) == ("invented", "Asia/Shanghai", "CNY", Datum.GCJ02)
    assert "（虚构）" in new.name_zh
    assert "(invented)" in new.name


def test_ten_thousand_shops_stand_in_forty_malls_and_along_streets(world: World, shops: list[Place]) -> None:
    malls = [area for area in world.areas if area.kind == "mall"]
    assert len(malls) == 40
    assert len(shops) == len({shop.ref for shop in shops}) == len({shop.name_zh for shop in shops}) == 10_000
    inside = shapely.union_all([area.outline for area in malls]).buffer(1e-5)
    points = [to_wgs84(LonLat(lon=shop.lon, lat=shop.lat), Datum.GCJ02) for shop in shops]
    in_malls = shapely.contains_xy(inside, [point.lon for point in points], [point.lat for point in points])
    assert in_malls.sum() == 7_600
    plane = LocalPlane(anchor=shiyan.CENTER)
    lon, lat = np.array([point.lon for point in points]), np.array([point.lat for point in points])
    x_m, y_m = plane.to_metres(lon, lat)
    assert max(abs(x_m).max(), abs(y_m).max()) < 560


def test_shops_have_floors_hours_and_categories(shops: list[Place]) -> None:
    floors = Counter(shop.floor for shop in shops)
    assert set(floors) == set(shiyan.FLOORS)
    assert min(floors.values()) > 900
    assert {shop.category for shop in shops} <= set(NOUNS)
    assert 0.95 < sum(bool(shop.opening_hours) for shop in shops) / len(shops) < 0.99


def test_the_same_seed_gives_the_same_district(world: World) -> None:
    again, other = shiyan.world(), shiyan.world(7)
    assert again.stores_file.read_text() == world.stores_file.read_text()
    assert other.stores_file.read_text() != world.stores_file.read_text()
    assert len(list(csv.reader(io.StringIO(other.stores_file.read_text())))) == 10_001


def test_its_streets_are_one_connected_graph(world: World) -> None:
    graph = StreetGraph.of_features(world.map_layers["streets"], shiyan.CENTER)
    corners = {
        tuple(round(value, KEY_DECIMALS) for value in position)
        for feature in world.map_layers["streets"]
        for position in feature["geometry"]["coordinates"]
    }
    assert len(graph.corners_m) == len(corners)


def test_every_outline_is_valid_and_access_points_know_their_floor(world: World) -> None:
    assert all(area.outline.is_valid and not area.outline.is_empty for area in world.areas)
    floors = Counter(point.floor for point in world.access_points)
    assert set(floors) == {*shiyan.FLOORS, None}
    assert len({point.mac for point in world.access_points}) == len(world.access_points)


def test_amounts_are_in_the_district_s_currency() -> None:
    assert idea_of("fast_food", "EUR").title["en"] == "2 € off any menu"
    idea = idea_of("fast_food", "CNY")
    assert idea.title == {"en": "¥10 off any menu", "zh": "任意套餐立减 10 元"}
    assert idea.value["minor_units"] == 1_000
    spot = StoreSpot(id="1", name="云溪面馆", category="hairdresser", position=shiyan.CENTER)
    plan = plan_of(spot, Random(1), currency="CNY")
    assert plan.offer["title"]["zh"] == "今日剪发立减 50 元"
    assert plan.name == "云溪面馆: 今日剪发立减 50 元"
