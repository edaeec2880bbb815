"""Which trigger an occasion is, and whether it happened in place."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from geo import geojson
from geo.coordinates import LonLat
from push.audience_facts import UNKNOWN, Facts, Place, Stays
from push.identifiers import StoreId
from push.rule import TriggerKind
from push.triggers import asks_for_visit, firing, is_by_location, is_in_place
from tests.push.makers import FRIDAY_NOON, POLYGON, STORE, campaign, crossing

OTHER = StoreId(UUID(int=40))
INSIDE, OUTSIDE = LonLat(lon=24.948, lat=60.171), LonLat(lon=24.941, lat=60.174)
KINDS: dict[str, dict[str, Any]] = {
    "fence.enter": {},
    "fence.exit": {},
    "fence.dwell": {"min_s": 120},
    "wifi.join": {},
    "store.visit": {},
    "schedule": {"rrule": "DTSTART:20260501T110000\nRRULE:FREQ=WEEKLY;BYDAY=FR"},
    "purchase": {},
    "member.birthday": {},
    "member.visits": {"n": 5},
    "member.lapsed": {"days": 60},
}
VISITED = {"or_visited": {"store": "mine", "days": 30}}


def of(*triggers: dict[str, Any], where: dict[str, Any] | None = None, **changes: Any) -> Any:
    return campaign({"trigger": {"any": list(triggers)}, "where": where}, **changes)


def fired(one: dict[str, Any], **occasion: Any) -> bool:
    where = {"within": POLYGON} if one["on"].startswith("fence") else None
    return list(firing(of(one, where=where), crossing(**occasion))) == [0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_trigger_is_fired_by_its_own_kind_only(kind: str) -> None:
    full = {
        "dwell": timedelta(hours=1),
        "store_id": STORE,
        "joins": 1,
        "visits": 5,
        "away_for": timedelta(days=99),
    }
    fires = {other for other in TriggerKind if fired({"on": kind, **KINDS[kind]}, trigger=other, **full)}
    assert fires == {TriggerKind(kind)}


@pytest.mark.parametrize(
    ("one", "occasion", "expected"),
    [
        ({"on": "fence.dwell", "min_s": 120}, {"dwell": timedelta(seconds=119)}, False),
        ({"on": "fence.dwell", "min_s": 120}, {"dwell": timedelta(seconds=120)}, True),
        ({"on": "wifi.join", "first": True}, {"joins": 1}, True),
        ({"on": "wifi.join", "first": True}, {"joins": 2}, False),
        ({"on": "wifi.join", "return": True}, {"joins": 1}, False),
        ({"on": "wifi.join", "return": True}, {"joins": 2}, True),
        ({"on": "wifi.join", "return": True}, {"joins": 0}, False),
        ({"on": "store.visit"}, {"store_id": OTHER}, False),
        ({"on": "purchase"}, {"store_id": None}, False),
        ({"on": "member.visits", "n": 5}, {"visits": 4}, False),
        ({"on": "member.visits", "n": 5}, {"visits": 6}, False),
        ({"on": "member.lapsed", "days": 60}, {"away_for": timedelta(days=60, seconds=-1)}, False),
        ({"on": "member.lapsed", "days": 60}, {"away_for": timedelta(days=60)}, True),
    ],
)
def test_a_trigger_asks_for_what_it_names(
    one: dict[str, Any], occasion: dict[str, Any], expected: bool
) -> None:
    assert fired(one, trigger=TriggerKind(one["on"]), **occasion) is expected


def test_who_knows_the_number_of_the_trigger_means_that_one() -> None:
    two = of({"on": "wifi.join"}, {"on": "wifi.join", "first": True})
    join = crossing(trigger=TriggerKind.WIFI_JOIN, joins=1)
    assert [list(firing(two, replace(join, number=number))) for number in (None, 0, 1, 2)] == [
        [0, 1],
        [0],
        [1],
        [],
    ]


def visited(store: StoreId, days: float) -> Facts:
    last_at = FRIDAY_NOON - timedelta(days=days)
    return Facts(stays=(Stays(place=Place(store_id=store), count=1, last_at=last_at),))


def in_place(where: dict[str, Any] | None, position: LonLat | None, facts: Facts = UNKNOWN) -> bool:
    made = of({"on": "wifi.join"}, where=where, ground=geojson.parse(POLYGON))
    return is_in_place(
        made, crossing(trigger=TriggerKind.WIFI_JOIN, position=position), facts, now=FRIDAY_NOON
    )


def test_a_rule_without_a_place_holds_everywhere() -> None:
    assert in_place(None, None)


@pytest.mark.parametrize(("position", "expected"), [(INSIDE, True), (OUTSIDE, False), (None, False)])
def test_what_is_no_crossing_must_happen_on_the_ground(position: LonLat | None, expected: bool) -> None:
    assert in_place({"within": POLYGON}, position) is expected


def test_a_crossing_is_in_place_wherever_the_fix_is() -> None:
    made = of({"on": "fence.exit"}, where={"within": POLYGON}, ground=geojson.parse(POLYGON))
    left = crossing(trigger=TriggerKind.EXIT, position=OUTSIDE)
    assert is_in_place(made, left, UNKNOWN, now=FRIDAY_NOON)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [(visited(STORE, 30), True), (visited(STORE, 30.1), False), (visited(OTHER, 1), False), (UNKNOWN, False)],
)
def test_a_visit_lets_in_who_is_elsewhere(facts: Facts, expected: bool) -> None:
    assert in_place({"within": POLYGON, **VISITED}, OUTSIDE, facts) is expected
    assert in_place(VISITED, None, facts) is expected


def test_who_is_on_the_ground_needs_no_visit() -> None:
    assert in_place({"within": POLYGON, **VISITED}, INSIDE)


def test_a_visit_to_the_store_that_is_named_counts_even_if_the_offer_is_for_another() -> None:
    named = {"or_visited": {"store": str(OTHER), "days": 7}}
    assert in_place(named, None, visited(OTHER, 6))
    assert not in_place(named, None, visited(STORE, 6))


@pytest.mark.parametrize(
    ("trigger", "where", "by_location", "asks"),
    [
        pytest.param(TriggerKind.SCHEDULE, None, False, False, id="a schedule for everybody"),
        pytest.param(TriggerKind.SCHEDULE, VISITED, True, True, id="a schedule for visitors"),
        pytest.param(TriggerKind.WIFI_JOIN, VISITED, True, True, id="joining, for visitors"),
        pytest.param(
            TriggerKind.WIFI_JOIN,
            {"near_my_stores_m": 100, **VISITED},
            True,
            False,
            id="joining here, or for visitors",
        ),
    ],
)
def test_an_earlier_visit_is_evidence_of_place(
    trigger: TriggerKind, where: dict[str, Any] | None, by_location: bool, asks: bool
) -> None:
    made = of({"on": trigger.value, **KINDS[trigger.value]}, where=where)
    assert is_by_location(made, trigger) is by_location
    assert asks_for_visit(made, trigger) is asks
