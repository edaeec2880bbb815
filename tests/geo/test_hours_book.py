"""Open now for many stores: equal texts share one evaluation, and only what changed is looked at again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.hours import Hours
from geo.open_now import OPEN, SHUT, UNKNOWN, HoursBook
from geo.wall_clock import TimeNaive

HELSINKI = ZoneInfo("Europe/Helsinki")
NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
TEXTS = ["Mo-Fr 10:00-20:00", None, "Mo-Fr 10:00-20:00", "24/7", "no idea", "Sa 10:00-12:00", " 24/7 "]
PLACES = Path(__file__).parents[3] / "shared/data/osm_helsinki/pois.geojson"


def test_each_store_gets_its_own_state() -> None:
    answer = HoursBook.read(TEXTS, zone=HELSINKI).open_now(NOON)
    assert answer.states.tolist() == [OPEN, UNKNOWN, OPEN, OPEN, UNKNOWN, SHUT, OPEN]
    assert answer.states.dtype == np.int8


def test_equal_texts_are_read_once() -> None:
    book = HoursBook.read(TEXTS, zone=HELSINKI)
    assert len(book) == len(TEXTS)
    assert len(book.kinds) == 5
    assert book.hours(2) is book.hours(0)


def test_the_answer_says_until_when_it_holds() -> None:
    answer = HoursBook.read(TEXTS, zone=HELSINKI).open_now(NOON)
    assert answer.changes_at == datetime(2026, 11, 20, 18, tzinfo=UTC)


def test_a_book_of_unknown_hours_never_changes() -> None:
    answer = HoursBook.read([None, "?"], zone=HELSINKI).open_now(NOON)
    assert answer.changes_at is None


def test_an_empty_book_has_an_empty_answer() -> None:
    answer = HoursBook.read([], zone=HELSINKI).open_now(NOON)
    assert (answer.states.size, answer.changes_at) == (0, None)


def test_the_same_array_comes_back_while_nothing_changes() -> None:
    book = HoursBook.read(TEXTS, zone=HELSINKI)
    first = book.open_now(NOON)
    later = book.open_now(NOON + timedelta(hours=7, minutes=59), previous=first)
    evening = book.open_now(NOON + timedelta(hours=8), previous=later)
    assert later.states is first.states
    assert evening.states.tolist() == [SHUT, UNKNOWN, SHUT, OPEN, UNKNOWN, SHUT, OPEN]
    assert first.states.tolist()[0] == OPEN


def test_the_answer_of_another_book_is_not_used() -> None:
    other = HoursBook.read(["off", "off"], zone=HELSINKI).open_now(NOON)
    book = HoursBook.read(["24/7", "24/7"], zone=HELSINKI)
    assert book.open_now(NOON, previous=other).states.tolist() == [OPEN, OPEN]


def test_states_cannot_be_written() -> None:
    answer = HoursBook.read(TEXTS, zone=HELSINKI).open_now(NOON)
    with pytest.raises(ValueError, match="read-only"):
        answer.states[0] = SHUT


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(TimeNaive):
        HoursBook.read(TEXTS, zone=HELSINKI).open_now(datetime(2026, 5, 5))  # noqa: DTZ001


@given(st.lists(st.integers(-3_000, 9_000), min_size=1, max_size=12))
def test_refreshing_equals_starting_afresh(minutes: list[int]) -> None:
    texts = ["Mo-Fr 10:00-20:00", "22:00-04:00", "Su 03:15-03:45", None, "We-Sa 00:00-24:00"]
    book = HoursBook.read(texts, zone=HELSINKI)
    answer = None
    for minute in minutes:
        now = datetime(2026, 10, 24, 12, tzinfo=UTC) + timedelta(minutes=minute)
        answer = book.open_now(now, previous=answer)
        fresh = book.open_now(now)
        assert answer.states.tolist() == fresh.states.tolist()
        assert answer.changes_at == fresh.changes_at


@pytest.mark.skipif(not PLACES.exists(), reason="shared/data/osm_helsinki is not here")
def test_real_hours_are_read_or_unknown() -> None:
    places = json.loads(PLACES.read_text())["features"]
    texts = [place["properties"].get("opening_hours") for place in places]
    book = HoursBook.read(texts, zone=HELSINKI, country="FI")
    stated = {text for text in texts if text}
    known = {text for text in stated if Hours.read(text, zone=HELSINKI).is_known}
    states = book.open_now(NOON).states
    assert 0.95 < len(known) / len(stated) < 1
    assert {int(state) for state in np.unique(states)} == {OPEN, SHUT, UNKNOWN}
    assert all(
        state == UNKNOWN for text, state in zip(texts, states, strict=True) if not text or text not in known
    )
