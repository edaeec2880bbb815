"""Addresses by number: the same as read one by one, and found where they were put."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from district.sightings.addresses import Table, numbers_in, numbers_of
from district.sightings.pseudonyms import mac_bytes

USUAL = st.binary(min_size=6, max_size=6).map(lambda mac: mac.hex(":")) | st.just("A4:83:E7:00:00:0f")
ODD = st.sampled_from(["", "a483e7000001", "a4-83-e7-00-00-01", "a4:83:e7:00:00:0g", "a4:83:e7:00:00:0１"])
SHIFTED = ["aa:bb:cc:dd:ee:f", "1aa:bb:cc:dd:ee:ff"]
NUMBERS = st.integers(0, (1 << 48) - 1)


@given(st.lists(USUAL, min_size=1))
def test_usual_addresses_have_the_numbers_of_their_bytes(texts: list[str]) -> None:
    found = numbers_of(texts)
    assert found is not None
    assert found.tolist() == [int.from_bytes(mac_bytes(text) or b"") for text in texts]


@given(st.lists(USUAL), ODD | st.text(max_size=17), st.lists(USUAL))
def test_one_that_is_not_usual_is_noticed(before: list[str], odd: str, after: list[str]) -> None:
    found = numbers_of([*before, odd, *after])
    is_usual = len(odd) == 17 and odd[2::3] == ":" * 5 and mac_bytes(odd) is not None
    assert (found is not None) == is_usual


def test_neighbours_of_wrong_lengths_are_not_taken_for_two_addresses() -> None:
    assert numbers_of(SHIFTED) is None


def test_no_address_has_no_number() -> None:
    assert numbers_of([]) is None
    assert len(numbers_in(b"")) == 0


@given(st.lists(st.sets(NUMBERS, max_size=50), max_size=8), st.sets(NUMBERS, max_size=20))
def test_every_number_is_found_where_it_was_put(rounds: list[set[int]], strangers: set[int]) -> None:
    table = Table()
    places: dict[int, int] = {}
    for numbers in rounds:
        new = [number for number in numbers if number not in places]
        table.add(np.array(new, np.uint64))
        places |= {number: len(places) + at for at, number in enumerate(new)}
    asked = [*places, *strangers]
    assert table.find(np.array(asked, np.uint64)).tolist() == [places.get(number, -1) for number in asked]
    assert len(table) == len(places)


def test_a_table_that_grew_often_finds_all_and_nobody_else() -> None:
    table = Table()
    numbers = np.arange(0x020000000000, 0x020000000000 + 50_000, dtype=np.uint64)
    for part in np.array_split(numbers, 60):
        table.add(part)
    np.testing.assert_array_equal(table.find(numbers), np.arange(50_000))
    assert (table.find(numbers + np.uint64(50_000)) == -1).all()
