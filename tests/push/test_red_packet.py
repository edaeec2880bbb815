"""Red packets: the sum is exact, the bounds hold, the seed decides, and absurd wishes are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.red_packet import MAX_COUNT, MAX_TOTAL_MINOR, RedPacketInvalid, can_share, share

SEED = b"s" * 32
ANY = st.integers(-3, 10**13)


@st.composite
def bounds(draw: st.DrawFn) -> tuple[int, int, int, int | None]:
    count = draw(st.integers(1, 300))
    least = draw(st.integers(1, 500))
    most = draw(st.none() | st.integers(least, least + 2_000))
    total = draw(st.integers(count * least, count * most if most is not None else count * (least + 2_000)))
    return total, count, least, most


@given(case=bounds(), seed=st.binary(max_size=40))
def test_the_sum_is_exact_and_every_bound_holds(case: tuple[int, int, int, int | None], seed: bytes) -> None:
    total, count, least, most = case
    amounts = share(total, count, least_minor=least, most_minor=most, seed=seed)
    assert (len(amounts), sum(amounts)) == (count, total)
    assert min(amounts) >= least
    assert most is None or max(amounts) <= most
    assert amounts == share(total, count, least_minor=least, most_minor=most, seed=seed)


@given(total=ANY, count=ANY, least=ANY, most=st.none() | ANY)
def test_what_cannot_be_shared_is_refused_at_once(
    total: int, count: int, least: int, most: int | None
) -> None:
    if not can_share(total, count, least_minor=least, most_minor=most):
        with pytest.raises(RedPacketInvalid):
            share(total, count, least_minor=least, most_minor=most, seed=SEED)


@pytest.mark.parametrize(
    ("total", "count", "least", "most"),
    [
        (99, 10, 10, None),
        (101, 10, 1, 10),
        (10, 0, 1, None),
        (10, 10, 0, None),
        (MAX_COUNT + 1, MAX_COUNT + 1, 1, None),
        (MAX_TOTAL_MINOR + 1, 1, 1, None),
    ],
)
def test_bounds_that_nobody_can_keep(total: int, count: int, least: int, most: int | None) -> None:
    assert not can_share(total, count, least_minor=least, most_minor=most)


def test_the_most_packets_are_made_in_no_time() -> None:
    amounts = share(MAX_COUNT * 100, MAX_COUNT, least_minor=1, seed=SEED)
    assert sum(amounts) == MAX_COUNT * 100


def test_another_seed_gives_other_amounts_and_no_place_is_better_than_another() -> None:
    draws = [share(10_000, 10, least_minor=100, seed=bytes([one])) for one in range(200)]
    assert len(set(draws)) == 200
    means = [sum(draw[place] for draw in draws) / len(draws) for place in range(10)]
    assert max(means) - min(means) < 400  # of 1,000; the error of such a mean is about 50


def test_amounts_are_not_all_alike() -> None:
    amounts = share(10_000, 100, least_minor=1, seed=SEED)
    assert max(amounts) > 150
    assert min(amounts) < 50
