"""A post taken by columns says what the same post says row by row."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from district.feeds import meraki
from district.feeds.decoding import Decoded
from district.feeds.meraki_columns import columns_of
from district.feeds.meraki_mixed import mixed
from district.feeds.meraki_shapes import Data, Observation, Post
from district.sightings.reported import Texts

SECRET = "correct horse"
AT_S = int(datetime(2026, 5, 1, 9, tzinfo=UTC).timestamp())
MACS = st.sampled_from(["a4:83:e7:00:00:01", "A4-83-E7-00-00-02", "a483.e700.0003", "", "nobody"])
USUAL_TIMES = st.integers(0, 5).map(
    lambda s: datetime.fromtimestamp(AT_S + s, UTC).isoformat().replace("+00:00", "Z")
)
TIMES = USUAL_TIMES | st.integers(AT_S, AT_S + 5) | st.integers(AT_S, AT_S + 5).map(str)
NUMBERS = st.floats(-200, 200) | st.integers(-200, 200)
TEXTS = NUMBERS.map(str)
NONE_AT_ALL: st.SearchStrategy[Any] = st.sampled_from([None, "NaN", "", "inf", "-1", "n/a", 1e308])
LOOSE = NUMBERS | TEXTS | NONE_AT_ALL
FLOORS = st.sampled_from(["1", " 2 ", "", "屋顶", None])
ODD: st.SearchStrategy[Any] = st.sampled_from([[], {}, True, 7, "soon"])


def location(number: st.SearchStrategy[Any], time: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"lat": number, "lng": number, "variance": number, "time": time},
        optional={
            "unc": LOOSE,
            "floorPlanName": FLOORS,
            "floorPlan": st.fixed_dictionaries({"name": FLOORS}),
        },
    )


def post(observation: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(observation, max_size=6).map(
        lambda seen: {"version": "3.0", "secret": SECRET, "type": "WiFi", "data": {"observations": seen}}
    )


def client(
    place: st.SearchStrategy[Any], time: st.SearchStrategy[Any], rssi: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    latest = st.fixed_dictionaries({"time": time, "nearestApMac": MACS | st.none(), "nearestApRssi": rssi})
    return st.fixed_dictionaries(
        {"clientMac": MACS, "locations": st.lists(place, min_size=1, max_size=3), "latestRecord": latest}
    )


USUAL = client(location(NUMBERS, TIMES), TIMES, NUMBERS | TEXTS | st.none())
TRAPPED = st.one_of(
    client(location(LOOSE, TIMES | NONE_AT_ALL), TIMES | NONE_AT_ALL, LOOSE),
    st.fixed_dictionaries({"clientMac": MACS | ODD}, optional={"locations": ODD, "latestRecord": ODD}),
    ODD,
)


def assert_same(one: Decoded, other: Decoded) -> None:
    assert one.rejected == other.rejected
    for field in fields(one.reported):
        left, right = getattr(one.reported, field.name), getattr(other.reported, field.name)
        if isinstance(left, Texts):
            assert list(left) == list(right), field.name
        elif isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, field.name
            np.testing.assert_array_equal(left, right, err_msg=field.name)
        else:
            assert left == right, field.name


@given(post(USUAL))
@settings(max_examples=300)
def test_usual_posts_are_taken_by_columns_and_say_the_same(document: Any) -> None:
    data = msgspec.convert(document["data"], Data)
    reported = columns_of(data.observations)
    assert (reported is None) == (not data.observations)
    if reported is not None:
        assert_same(Decoded(reported=reported), meraki.row_by_row(data, 3))


@given(post(USUAL | TRAPPED))
@settings(max_examples=300)
def test_any_post_says_what_its_rows_say_one_by_one(document: Any) -> None:
    found = meraki.decode(json.dumps(document).encode(), secret=SECRET)
    assert found is not None
    assert_same(found, _one_by_one(document))


def _one_by_one(document: Any) -> Decoded:
    """The tolerant way, made to go it by a post in which something has a type that no decoder expects."""
    odd = document | {"data": document["data"] | {"apFloors": [7]}}
    try:
        msgspec.json.decode(json.dumps(odd), type=Post)
    except msgspec.ValidationError:
        found = meraki.decode(json.dumps(odd).encode(), secret=SECRET)
        assert found is not None
        return found
    raise AssertionError("the post must be unexpected")


PLACED = {"lat": 60.1, "lng": 24.9, "variance": 3.0, "time": AT_S}
LATEST = {"time": AT_S, "nearestApMac": "e4:55:a8:11:22:33", "nearestApRssi": -60}
ODD_CLIENTS: dict[str, dict[str, Any]] = {
    "no position": {"locations": [], "latestRecord": LATEST},
    "no time": {"locations": [PLACED, PLACED | {"time": "soon"}], "latestRecord": LATEST},
    "no number": {"locations": [PLACED | {"lat": "NaN"}], "latestRecord": LATEST},
    "no newest frame": {"locations": [PLACED]},
    "nothing": {},
}


@pytest.mark.parametrize("odd", ODD_CLIENTS.values(), ids=ODD_CLIENTS)
def test_an_odd_client_among_usual_ones_is_taken_by_itself(odd: dict[str, Any]) -> None:
    usual = {"locations": [PLACED | {"floorPlanName": "2"}, PLACED], "latestRecord": LATEST}
    seen: list[dict[str, Any]] = [usual, odd, usual, usual, odd, usual, usual]
    clients = [client | {"clientMac": f"02:00:00:00:00:{row:02x}"} for row, client in enumerate(seen)]
    data = msgspec.convert({"observations": clients}, Data)
    rows = meraki.row_by_row(data, 3)
    taken: list[Observation] = []
    reader = meraki.Reader(data, 3)

    def take(observation: Observation) -> None:
        taken.append(observation)
        reader.take(observation)

    found = mixed(data.observations, reader.rows, take)
    assert found is not None
    assert_same(found, rows)
    assert taken == [data.observations[1], data.observations[4]]


def test_a_client_without_a_position_is_left_to_the_other_reader() -> None:
    assert columns_of([Observation(client_mac="a4:83:e7:00:00:01", locations=[])]) is None
