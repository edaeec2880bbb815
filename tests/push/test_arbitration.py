"""Prices of shares, turns of new merchants, and what both come to in generated competition."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.arbitration import Change, Fairness, Market, Outcome, Standing, after, changes
from push.identifiers import MemberId, MerchantId
from tests.push.competition import MERCHANTS, arbitrate, generate, greedily
from tests.push.makers import FRIDAY_NOON, MEMBER, MERCHANT

ONE, OTHER, THIRD = (MerchantId(UUID(int=number)) for number in (1, 2, 3))
FAIR: Final = Fairness(share_cap=1.5, step_minor=2.0, explore_share=0.05, new_until=10)
outcomes = st.lists(
    st.sets(st.sampled_from([ONE, OTHER, THIRD]), min_size=1).flatmap(
        lambda who: st.sampled_from(sorted(who)).map(
            lambda winner: Outcome(merchants=frozenset(who), winner=winner)
        )
    )
)


def test_a_price_rises_with_each_moment_won_above_the_share_and_falls_below_it() -> None:
    won = Outcome(merchants=frozenset({ONE, OTHER}), winner=ONE)
    market = Market(fairness=FAIR)
    for expected in (0.5, 1.0, 1.5):
        market = after(market, [won])
        assert market.of(ONE).price_minor == pytest.approx(expected)
    assert market.of(OTHER).price_minor == 0.0
    lost = Outcome(merchants=frozenset({ONE, OTHER}), winner=OTHER)
    assert after(market, [lost]).of(ONE).price_minor == 0.0


@given(outcomes)
def test_moments_at_once_sum_up_and_no_price_falls_below_zero(many: list[Outcome]) -> None:
    market = after(Market(fairness=FAIR), many)
    assert all(one.price_minor >= 0 for one in market.standings.values())
    assert sum(one.served for one in market.standings.values()) == len(many)
    total = changes(many)
    contested = [one for one in many if len(one.merchants) > 1]
    assert sum(one.won for one in total.values()) == len(contested)
    assert sum(one.equal_share for one in total.values()) == pytest.approx(len(contested))
    assert list(total) == sorted(total)


@given(outcomes)
def test_with_a_bound_of_an_equal_share_prices_never_rise_for_all_together(many: list[Outcome]) -> None:
    fairness = Fairness(share_cap=1.0, step_minor=1.0)
    assert sum(one.step_minor(fairness) for one in changes(many).values()) == pytest.approx(0.0, abs=1e-9)


def test_a_moment_with_one_merchant_changes_no_price() -> None:
    alone = Outcome(merchants=frozenset({ONE}), winner=ONE)
    market = after(Market(fairness=FAIR), [alone] * 50)
    assert market.of(ONE) == Standing(price_minor=0.0, served=50)
    assert Change().step_minor(FAIR) == 0.0


def test_new_merchants_go_first_at_their_share_of_the_moments_the_same_ones_on_replay() -> None:
    market = Market(fairness=FAIR, seed="d")
    moments = [FRIDAY_NOON + timedelta(seconds=number) for number in range(10_000)]
    turns = [market.explores(MERCHANT, MEMBER, at) for at in moments]
    # 500 expected; five standard deviations of a binomial are 109.
    assert abs(sum(turns) - 500) < 109
    assert turns == [market.explores(ONE, MEMBER, at) for at in moments]
    assert turns != [market.explores(ONE, MemberId(UUID(int=9)), at) for at in moments]
    other = Market(fairness=FAIR, seed="e")
    assert turns != [other.explores(ONE, MEMBER, at) for at in moments]


def test_who_was_served_often_enough_is_new_no_more() -> None:
    known = Market(
        fairness=Fairness(explore_share=1.0, new_until=10),
        standings={ONE: Standing(served=9), OTHER: Standing(served=10)},
    )
    assert known.explores(ONE, MEMBER, FRIDAY_NOON)
    assert not known.explores(OTHER, MEMBER, FRIDAY_NOON)
    assert not known.explores(None, MEMBER, FRIDAY_NOON)


def test_in_generated_competition_fairness_costs_little_and_shuts_few_out() -> None:
    """At 10,000 moments with 8 rivals: at least 0.85 of what greed expects, at most half of those it shuts out."""
    competition = generate(1)
    greedy, fair = greedily(competition), arbitrate(competition, Fairness())
    assert greedy.shut_out > MERCHANTS / 5
    assert fair.value_minor >= 0.85 * greedy.value_minor
    assert fair.shut_out <= greedy.shut_out / 2
    assert np.isfinite(fair.value_minor)


def test_without_prices_and_turns_the_arbiter_is_greedy() -> None:
    competition = generate(2, moments=500)
    plain = Fairness(share_cap=1e9, step_minor=0.0, explore_share=0.0, fatigue_minor=0.0)
    chosen, greedy = arbitrate(competition, plain), greedily(competition)
    assert chosen.value_minor == pytest.approx(greedy.value_minor)
    assert (chosen.shut_out, chosen.top_share) == (greedy.shut_out, greedy.top_share)
