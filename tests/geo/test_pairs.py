"""The pair table behaves as a dict does, through collisions, removals and growth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import FenceRefused
from geo.pairs import PairTable, keys_of, row_of, slot_of

keys = st.integers(0, 3_000)
batches = st.lists(st.sets(keys, max_size=200), max_size=30)


@settings(deadline=None)
@given(batches, st.integers(0, 6))
def test_it_holds_what_a_dict_would(batches: list[set[int]], spacing: int) -> None:
    table, truth = PairTable(), dict[int, int]()
    for number, batch in enumerate(batches):
        # Multiples of a power of two share their low bits: worst for a poor hash.
        chosen = np.array(sorted(key << spacing * 8 for key in batch), dtype=np.int64)
        held = np.array([int(key) in truth for key in chosen], dtype=np.bool_)
        popped = table.pop(chosen[held]).tolist()
        assert popped == [truth.pop(int(key)) for key in chosen[held]]
        values = chosen[~held] % 1_000 + number
        table.put(chosen[~held], values)
        truth |= dict(zip(chosen[~held].tolist(), values.tolist(), strict=True))
        assert len(table) == len(truth)
        assert table.get(chosen).tolist() == [truth.get(int(key), -1) for key in chosen]
    every, values = table.items()
    assert dict(zip(every.tolist(), values.tolist(), strict=True)) == truth
    assert every.tolist() == sorted(truth)


def test_a_million_pairs_come_and_go() -> None:
    table = PairTable()
    every = np.random.default_rng(1).permutation(1_000_000)
    for part in np.array_split(every, 10):
        table.put(part, part * 2)
    assert np.array_equal(table.get(every), every * 2)
    for _ in range(20):
        table.pop(every[:50_000])
        table.put(every[:50_000], every[:50_000])
    table.set(every[:50_000], every[:50_000] * 2)
    assert np.array_equal(table.pop(every), every * 2)
    assert len(table) == 0
    assert np.all(table.get(every[:100]) == -1)


def test_a_missing_pair_is_not_popped() -> None:
    table = PairTable()
    table.put(np.array([1, 2]), np.array([10, 20]))
    with pytest.raises(FenceRefused, match="missing"):
        table.pop(np.array([1, 3]))
    assert table.get(np.array([1, 2, 3])).tolist() == [10, 20, -1]


@given(st.integers(0, 2**40), st.integers(0, 2**20 - 1))
def test_a_key_gives_its_row_and_slot_back(row: int, slot: int) -> None:
    key = keys_of(np.array([row]), np.array([slot]))
    assert (int(row_of(key)[0]), int(slot_of(key)[0])) == (row, slot)
