"""Walkers who are killed come back as the same people, where they were."""

import uuid
from pathlib import Path

import numpy as np
import pytest

from district.demo import helsinki, resuming
from district.demo.crowd import FASTEST_MPS, Crowd
from district.demo.people import Errand, Mode, Person, Place
from district.demo.resuming import FORGOTTEN_AFTER, Diary
from district.demo.street_graph import StreetGraph

NOON_S = 1_777_626_000.0
HERE = uuid.UUID(int=1)
PEOPLE = 80


@pytest.fixture(scope="module")
def graph() -> StreetGraph:
    return StreetGraph.of_features(helsinki.features("streets"), helsinki.CENTER)


@pytest.fixture(scope="module")
def places(graph: StreetGraph) -> list[Place]:
    corners = graph.corners_m[np.random.default_rng(3).choice(len(graph.corners_m), 100, replace=False)]
    return [
        Place(id=f"store-{number}", category="cafe", x_m=float(x) + 5, y_m=float(y), has_offers=False)
        for number, (x, y) in enumerate(corners)
    ]


@pytest.fixture
def crowd(graph: StreetGraph, places: list[Place]) -> Crowd:
    """People who have been at it for a while."""
    crowd = Crowd(graph, places, PEOPLE + 5, np.random.default_rng(5))
    for slot in range(PEOPLE):
        number = slot if slot % 2 else None
        crowd.appear(slot, Person(mac=f"3c{slot:010x}", number=number, token=f"t{slot}"), NOON_S)
    crowd.send(3, Errand(place=7, offer_id="offer", code="CODE"))
    for second in range(300):
        crowd.step(NOON_S + second)
    return crowd


def diary(path: Path, places: list[Place], district_id: uuid.UUID = HERE) -> Diary:
    return Diary(path=path / "walkers.json", district_id=district_id, store_ids=[one.id for one in places])


SESSIONS = {number: f"new{number}" for number in range(PEOPLE)}
LATER_S = NOON_S + 300


def test_everybody_is_back_with_his_telephone_and_goes_on_from_where_he_was(
    tmp_path: Path, graph: StreetGraph, places: list[Place], crowd: Crowd
) -> None:
    before = crowd.standing(LATER_S)
    diary(tmp_path, places).note(before, LATER_S)
    found = diary(tmp_path, places).read(LATER_S + 4, SESSIONS)
    assert [one.person.mac for one in found] == [one.person.mac for one in before]
    assert {one.person.token for one in found} == {
        f"t{number}" if number % 2 == 0 else f"new{number}"
        for number in range(PEOPLE)
        if f"3c{number:010x}" in {one.person.mac for one in before}
    }
    again = Crowd(graph, places, PEOPLE + 5, np.random.default_rng(9))
    for slot, one in enumerate(found):
        again.resume(slot, one, LATER_S + 4)
    assert again.inside == crowd.inside
    moved_m = [
        np.hypot(after.x_m - one.x_m, after.y_m - one.y_m)
        for one, after in zip(before, again.standing(LATER_S + 5), strict=True)
    ]
    # A step from the street to its middle line is all that somebody may be off.
    assert max(moved_m) <= 1.5 * FASTEST_MPS
    assert [one.place for one in again.standing(LATER_S + 4)] == [one.place for one in before]


def test_a_coupon_is_still_going_to_be_used(
    tmp_path: Path, graph: StreetGraph, places: list[Place], crowd: Crowd
) -> None:
    crowd.clear()
    crowd.appear(0, Person(mac="3c0000000000"), NOON_S)
    while crowd.mode[0] != Mode.STAYING:
        crowd.step(float(crowd.standing(NOON_S)[0].until_s))
    crowd.send(0, Errand(place=7, offer_id="offer", code="CODE"))
    diary(tmp_path, places).note(crowd.standing(NOON_S), NOON_S)
    again = Crowd(graph, places, 1, np.random.default_rng(9))
    again.resume(0, diary(tmp_path, places).read(NOON_S, SESSIONS)[0], NOON_S)
    arrived = [one for minute in range(300) for one in again.step(NOON_S + 60 * minute)]
    assert [one.errand for one in arrived] == [Errand(place=7, offer_id="offer", code="CODE")]


@pytest.mark.parametrize(
    ("district_id", "now_s"),
    [
        (uuid.UUID(int=2), LATER_S),
        (HERE, LATER_S + FORGOTTEN_AFTER.total_seconds()),
        (HERE, LATER_S - 1),
    ],
    ids=["another_district", "too_late", "time_was_reset"],
)
def test_nobody_is_back_from(
    tmp_path: Path, places: list[Place], crowd: Crowd, district_id: uuid.UUID, now_s: float
) -> None:
    diary(tmp_path, places).note(crowd.standing(LATER_S), LATER_S)
    assert diary(tmp_path, places, district_id).read(now_s, SESSIONS) == []


def test_a_damaged_or_missing_file_is_nobody(tmp_path: Path, places: list[Place]) -> None:
    kept = diary(tmp_path, places)
    assert kept.read(NOON_S, SESSIONS) == []
    kept.path.write_bytes(b'{"at_s": 1')
    assert kept.read(NOON_S, SESSIONS) == []


def test_the_file_is_private_written_now_and_then_and_gone_in_the_evening(
    tmp_path: Path, places: list[Place], crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = diary(tmp_path, places)
    assert kept.is_due()
    kept.note(crowd.standing(LATER_S), LATER_S)
    assert not kept.is_due()
    assert kept.path.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(resuming, "EVERY_S", 0.0)
    kept.note(crowd.standing(LATER_S), LATER_S)
    assert kept.is_due()
    kept.forget()
    assert kept.read(LATER_S, SESSIONS) == []
    kept.forget()


def test_a_directory_that_cannot_be_written_stops_nobody(tmp_path: Path, places: list[Place]) -> None:
    kept = Diary(path=tmp_path / "missing" / "walkers.json", district_id=HERE, store_ids=())
    kept.note([], NOON_S)
    assert not kept.is_due()
