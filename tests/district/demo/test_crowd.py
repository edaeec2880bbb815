"""Walkers keep to the streets, at a walker's pace, with the errors of a positioning network."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from district.demo import curves, helsinki
from district.demo.crowd import FASTEST_MPS, FIX_EVERY_S, Crowd
from district.demo.people import Errand, Mode, Person, Place
from district.demo.street_graph import StreetGraph
from district.demo.ways import NOISE_KEPT, NOISE_SIGMA_M, Noise, Ways

NOON_S = 1_777_626_000.0


@pytest.fixture(scope="module")
def graph() -> StreetGraph:
    return StreetGraph.of_features(helsinki.features("streets"), helsinki.CENTER)


@pytest.fixture(scope="module")
def places(graph: StreetGraph) -> list[Place]:
    random = np.random.default_rng(3)
    corners = graph.corners_m[random.choice(len(graph.corners_m), 200, replace=False)]
    return [
        Place(id=str(number), category="cafe", x_m=float(x) + 5, y_m=float(y), has_offers=number % 4 == 0)
        for number, (x, y) in enumerate(corners)
    ]


def test_the_graph_is_one_connected_piece(graph: StreetGraph) -> None:
    count, _ = connected_components(graph.lengths_m, directed=False)
    assert count == 1
    assert len(graph.corners_m) > 4_000


def test_a_way_follows_streets_and_is_no_longer_than_backwards(graph: StreetGraph) -> None:
    start, end = int(graph.edges[0]), int(graph.edges[12])
    there, back = graph.way(start, end), graph.way(end, start)
    assert (there[0] == graph.corners_m[start]).all()
    assert (there[-1] == graph.corners_m[end]).all()
    lengths = [float(np.hypot(*np.diff(way, axis=0).T).sum()) for way in (there, back)]
    assert lengths[0] == pytest.approx(lengths[1])
    numbers = graph.nearest(there).tolist()
    assert all(graph.lengths_m[a, b] > 0 for a, b in pairwise(numbers))


def test_positions_lie_on_the_way_at_the_distance_walked() -> None:
    ways = Ways(2)
    ways.set(0, np.array([(0.0, 0.0), (30.0, 0.0), (30.0, 40.0)]))
    ways.set(1, np.array([(7.0, 7.0)]))
    walkers = np.array([0, 0, 0, 0, 0, 1])
    found = ways.at(walkers, np.array([-5.0, 0.0, 15.0, 50.0, 99.0, 3.0]))
    assert found.tolist() == [[0, 0], [0, 0], [15, 0], [30, 20], [30, 40], [7, 7]]


def test_a_long_way_keeps_the_others_where_they_are() -> None:
    ways = Ways(2)
    ways.set(0, np.array([(0.0, 0.0), (10.0, 0.0)]))
    ways.set(1, np.column_stack((np.arange(300.0), np.zeros(300))))
    assert ways.at(np.array([0, 1]), np.array([4.0, 250.5])).tolist() == [[4, 0], [250.5, 0]]


def test_the_noise_has_the_spread_and_memory_it_promises() -> None:
    noise = Noise(400, np.random.default_rng(7))
    walkers = np.arange(400)
    series = np.array([noise.next(walkers) for _ in range(300)])
    assert series.std() == pytest.approx(NOISE_SIGMA_M, rel=0.03)
    assert np.corrcoef(series[:-1].ravel(), series[1:].ravel())[0, 1] == pytest.approx(NOISE_KEPT, abs=0.02)


def test_fixes_come_at_each_telephone_s_own_pace_and_nobody_runs(
    graph: StreetGraph, places: list[Place]
) -> None:
    crowd = Crowd(graph, places, 60, np.random.default_rng(5))
    for slot in range(60):
        crowd.arrive(slot, Person(mac=f"{slot:012x}"), NOON_S)
    times: dict[int, list[float]] = {slot: [] for slot in range(60)}
    points: dict[int, list[tuple[float, float]]] = {slot: [] for slot in range(60)}
    for second in range(600):
        crowd.step(NOON_S + second)
        fixes = crowd.fixes(NOON_S + second)
        assert (fixes.at_s <= NOON_S + second).all()
        for slot, at_s, x_m, y_m in zip(fixes.slots.tolist(), fixes.at_s, fixes.x_m, fixes.y_m, strict=True):
            times[slot].append(float(at_s))
            points[slot].append((float(x_m), float(y_m)))
    for slot, found in times.items():
        steps_s = np.diff(found)
        assert len(found) >= 9
        assert steps_s.min() >= FIX_EVERY_S[0] - 1e-6
        assert steps_s.max() <= FIX_EVERY_S[1] + 1e-6
        moved_m = np.hypot(*np.diff(points[slot], axis=0).T)
        assert (moved_m <= steps_s * FASTEST_MPS + 10 * NOISE_SIGMA_M).all()


def test_a_coupon_s_errand_comes_first_and_is_told_on_arrival(
    graph: StreetGraph, places: list[Place]
) -> None:
    crowd = Crowd(graph, places, 1, np.random.default_rng(9))
    crowd.appear(0, Person(mac="3c0000000001"), NOON_S)
    crowd.send(0, Errand(place=17, offer_id="offer", code="CODE"))
    arrived = [one for minute in range(400) for one in crowd.step(NOON_S + 60 * minute)]
    assert [(one.slot, one.errand.place, one.errand.code) for one in arrived] == [(0, 17, "CODE")]


def test_everybody_leaves_in_the_end(graph: StreetGraph, places: list[Place]) -> None:
    crowd = Crowd(graph, places, 30, np.random.default_rng(11))
    for slot in range(30):
        crowd.appear(slot, Person(mac=f"{slot:012x}"), NOON_S)
    modes = Counter(crowd.mode.tolist())
    assert modes[Mode.STAYING] > 5
    assert modes[Mode.WALKING] > 3
    for minute in range(48 * 60):
        crowd.step(NOON_S + 60 * minute)
    assert crowd.inside == 0
    assert not len(crowd.fixes(NOON_S + 1e6).slots)


def test_noon_is_the_measure_and_the_demo_never_sleeps() -> None:
    local = datetime(2026, 5, 1, tzinfo=ZoneInfo("Europe/Helsinki"))
    shares = [curves.presence(local + timedelta(minutes=10 * step)) for step in range(144)]
    assert curves.presence(local.replace(hour=12)) == 1.0
    assert min(shares) >= 0.27
    assert max(shares) == pytest.approx(1.1)
    assert max(abs(a - b) for a, b in pairwise(shares)) < 0.06


def test_saturday_is_the_busiest_and_sunday_the_quietest_day() -> None:
    random = np.random.default_rng(1)
    days = curves.arrival_days(datetime(2026, 4, 3).date(), 28, 40_000, random)  # noqa: DTZ001 a date only
    by_weekday = Counter((4 + int(day)) % 7 for day in days)
    assert by_weekday.most_common()[0][0] == 5
    assert by_weekday.most_common()[-1][0] == 6
