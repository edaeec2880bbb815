"""What differs between two versions, place by place and in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.campaign_changes import MAX_CHANGES, Kind, differences, label_of

RULE = {
    "v": 1,
    "trigger": {"any": [{"on": "fence.enter"}]},
    "where": {"within": {"circle": {"lon": 24.94, "lat": 60.17, "radius_m": 50}}},
}
DOCUMENT: dict[str, Any] = {"name": "Lunch", "rule": RULE, "store_ids": ["b", "a"], "ends_at": None}


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Kind]]:
    return [(one.pointer, one.kind) for one in differences(before, after)]


def test_equal_documents_differ_nowhere() -> None:
    assert differences(DOCUMENT, {**DOCUMENT, "store_ids": ["b", "a"]}) == ()


def test_each_place_is_named_by_its_pointer() -> None:
    after = {
        **DOCUMENT,
        "name": "Brunch",
        "rule": {**RULE, "trigger": {"any": [{"on": "fence.dwell", "min_s": 120}]}, "ttl_s": 60},
    }
    assert told(DOCUMENT, after) == [
        ("/name", Kind.CHANGED),
        ("/rule/trigger/any/0/on", Kind.CHANGED),
        ("/rule/trigger/any/0/min_s", Kind.ADDED),
        ("/rule/ttl_s", Kind.ADDED),
    ]
    assert told(after, DOCUMENT)[2:] == [
        ("/rule/trigger/any/0/min_s", Kind.REMOVED),
        ("/rule/ttl_s", Kind.REMOVED),
    ]


def test_a_fence_differs_as_a_whole_and_points_to_the_map() -> None:
    moved = {**RULE, "where": {"within": {"circle": {"lon": 24.95, "lat": 60.18, "radius_m": 70}}}}
    (one,) = differences(DOCUMENT, {**DOCUMENT, "rule": moved})
    assert one.pointer == "/rule/where/within"
    assert (one.words.en, one.words.zh) == ("Fence: see the map", "围栏：见地图")


def test_the_order_of_stores_says_nothing() -> None:
    assert differences(DOCUMENT, {**DOCUMENT, "store_ids": ["a", "b"]}) == ()
    assert told(DOCUMENT, {**DOCUMENT, "store_ids": ["a", "c"]}) == [
        ("/store_ids", Kind.REMOVED),
        ("/store_ids", Kind.ADDED),
    ]


def test_a_null_and_a_missing_member_are_alike() -> None:
    assert differences(DOCUMENT, {key: value for key, value in DOCUMENT.items() if value is not None}) == ()


def test_words_say_what_it_was_and_is_in_both_languages() -> None:
    (one,) = differences({"rule": {"ttl_s": 60}}, {"rule": {"ttl_s": 90}})
    assert (one.words.en, one.words.zh) == ("Validity (seconds): 60 → 90", "有效期（秒）：60 → 90")


def test_a_place_without_a_name_is_called_by_the_nearest_that_has_one() -> None:
    assert label_of("/rule/who/all/0/attr").en == "Audience all attr"


def test_a_long_value_is_cut() -> None:
    (one,) = differences({"name": "x"}, {"name": "y" * 500})
    assert len(one.words.en or "") < 200


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)


def read(document: Any, pointer: str) -> Any:
    """What stands at the pointer; None also where nothing does."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (KeyError, IndexError):
            return None
    return document


@given(DOCUMENTS, DOCUMENTS)
def test_each_difference_says_what_stands_there(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = differences(before, after)
    assert len(found) <= MAX_CHANGES
    for one in found:
        assert (one.before, one.after) == (read(before, one.pointer), read(after, one.pointer))
    back = differences(after, before)
    assert sorted(one.pointer for one in back) == sorted(one.pointer for one in found)


@pytest.mark.parametrize("depth", [100])
def test_many_changes_are_bounded(depth: int) -> None:
    assert len(differences({}, {str(number): 1 for number in range(MAX_CHANGES + depth)})) == MAX_CHANGES
