"""Splitting an amount exactly."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.ledger.shares import split

WEIGHTS = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)


@given(st.integers(0, 10**12), WEIGHTS)
def test_the_parts_add_up_and_none_is_a_unit_off(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    assert sum(parts) == amount
    assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))


@given(st.integers(0, 10**12), WEIGHTS)
def test_who_bears_nothing_pays_nothing_and_more_weight_never_pays_less(
    amount: int, weights: list[int]
) -> None:
    paired = sorted(zip(weights, split(amount, weights), strict=True))
    assert all(part == 0 for weight, part in paired if weight == 0)
    assert all(before[1] <= after[1] + 1 for before, after in itertools.pairwise(paired))


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1000, [500, 300, 200], [500, 300, 200]),
        (1, [1, 999], [0, 1]),
        (7, [0, 3], [0, 7]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_known_splits(amount: int, weights: list[int], parts: list[int]) -> None:
    assert split(amount, weights) == parts


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, []), (1, [0, 0]), (1, [2, -1])])
def test_what_cannot_be_split_is_refused(amount: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="split"):
        split(amount, weights)
