"""Campaigns that end by themselves: the evidence of harm may be looked at after every single member."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from push.early_stop import (
    ERROR,
    PROVEN_P,
    Draw,
    Look,
    StoppedBy,
    chance_of,
    fewer_visits,
    judge,
    more_than,
    words,
)
from push.lift import Group, newcombe
from push.rule import StopWhen

COUNTS = st.integers(0, 400)
SHARES = st.floats(0.01, 0.5)
HARM = StopWhen(is_harm_watched=True, opt_out_share=0.02)


def one(treated: int, control: int, share: float = 0.1) -> Draw:
    return Draw(treated=treated, control=control, control_share=share)


@given(treated=COUNTS, control=COUNTS, share=SHARES)
def test_the_evidence_of_fewer_visits_is_the_mean_of_ratios_of_binomial_likelihoods(
    treated: int, control: int, share: float
) -> None:
    people = treated + control
    ratios = []
    for part in (0.95, 0.9, 0.8, 0.65, 0.5, 0.25):
        odds = share / (share + (1 - share) * part)
        ratios.append(stats.binom.logpmf(control, people, odds) - stats.binom.logpmf(control, people, share))
    expected = np.logaddexp.reduce(ratios) - math.log(len(ratios))
    assert fewer_visits([one(treated, control, share)]) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(people=COUNTS, did=COUNTS, bound=st.floats(0.001, 0.5))
def test_the_evidence_of_stopped_messages_is_the_mean_of_ratios_of_binomial_likelihoods(
    people: int, did: int, bound: float
) -> None:
    did = min(people, did)
    ratios = []
    for odds in (1.25, 1.5, 2.0, 3.0, 5.0):
        share = odds * bound / (1 - bound + odds * bound)
        ratios.append(stats.binom.logpmf(did, people, share) - stats.binom.logpmf(did, people, bound))
    expected = np.logaddexp.reduce(ratios) - math.log(len(ratios))
    assert more_than(Group(people=people, did=did), bound) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("people", [1, 5, 12])
@pytest.mark.parametrize("truth", [Fraction(1, 10), Fraction(1, 20)], ids=["no harm", "a gain"])
def test_its_mean_is_one_without_harm_and_less_where_more_come(people: int, truth: Fraction) -> None:
    """What makes it hold at any look: a fair game, or worse, whenever there is no harm."""
    chances = [
        math.comb(people, control) * float(truth**control * (1 - truth) ** (people - control))
        for control in range(people + 1)
    ]
    mean = math.fsum(
        chance * math.exp(fewer_visits([one(people - control, control)]))
        for control, chance in enumerate(chances)
    )
    assert mean == pytest.approx(1) if truth == Fraction(1, 10) else mean < 1


def looked_at_each(control: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Of runs (rows) of people who come one after the other: whether evidence was ever enough."""
    people = np.arange(1, control.shape[1] + 1)
    held = control.cumsum(axis=1)
    logs = [
        (people - held) * math.log(part) - people * math.log(share + (1 - share) * part)
        for part in (0.95, 0.9, 0.8, 0.65, 0.5, 0.25)
    ]
    evidence = np.logaddexp.reduce(logs, axis=0) - math.log(len(logs))
    return np.asarray((evidence >= -math.log(PROVEN_P)).any(axis=1))


def test_of_harmless_campaigns_looked_at_after_every_visitor_few_are_ended_and_an_interval_would_end_many() -> (
    None
):
    rng, runs, people = np.random.default_rng(11), 2_000, 2_000
    control = rng.random((runs, people)) < 0.1
    ended = looked_at_each(control, 0.1).mean()
    assert ended <= PROVEN_P + 3 * math.sqrt(PROVEN_P / runs)
    peeked = 0
    for run in control[:200]:
        held = run.cumsum()
        looks = range(50, people, 50)
        peeked += any(
            newcombe(
                Group(people=9 * 4 * people, did=int(seen - held[seen])),
                Group(people=4 * people, did=int(held[seen])),
            ).high
            < 0
            for seen in looks
        )
    assert peeked / 200 > 2 * ERROR


@pytest.mark.parametrize(("part", "people"), [(0.5, 600), (0.7, 2_500)])
def test_harm_is_found(part: float, people: int) -> None:
    rng = np.random.default_rng(5)
    odds = 0.1 / (0.1 + 0.9 * part)
    assert looked_at_each(rng.random((300, people)) < odds, 0.1).mean() > 0.9


def test_of_members_who_stop_as_often_as_the_bound_allows_few_campaigns_are_ended() -> None:
    rng, runs, bound = np.random.default_rng(3), 2_000, 0.02
    did = (rng.random((runs, 3_000)) < bound).cumsum(axis=1)
    people = np.arange(1, 3_001)
    logs = [
        did * math.log(odds) - people * math.log(1 - bound + odds * bound)
        for odds in (1.25, 1.5, 2.0, 3.0, 5.0)
    ]
    evidence = np.logaddexp.reduce(logs, axis=0) - math.log(len(logs))
    ended = (evidence >= -math.log(PROVEN_P)).any(axis=1).mean()
    assert ended <= PROVEN_P + 3 * math.sqrt(PROVEN_P / runs)


@given(draws=st.lists(st.builds(one, COUNTS, COUNTS, SHARES), max_size=4))
def test_draws_under_several_shares_are_weighed_together_in_any_order(draws: list[Draw]) -> None:
    whole = fewer_visits(draws)
    assert whole == pytest.approx(fewer_visits(draws[::-1]), abs=1e-9)
    alone = one(7, 3, 0.2)
    assert fewer_visits([alone, one(9, 9, 0.0), one(9, 0, 1.0)]) == fewer_visits([alone])
    assert not math.isnan(chance_of(whole))


@given(people=st.integers(1, 400), did=COUNTS)
def test_who_may_still_stop_takes_evidence_away(people: int, did: int) -> None:
    counts: Sequence[float] = [
        more_than(Group(people=people + more, did=min(did, people)), 0.02) for more in (0, 1, 50)
    ]
    assert all(earlier > later for earlier, later in pairwise(counts))


def test_nothing_that_was_asked_for_and_nothing_seen_ends_nothing() -> None:
    judged = judge(
        StopWhen(redemptions=3, new_customers=10, is_harm_watched=True, opt_out_share=0.02), Look()
    )
    assert (judged.stopped_by, judged.visits_p, judged.opt_outs_p) == (None, None, None)


@pytest.mark.parametrize(
    ("wanted", "look", "reason"),
    [
        (StopWhen(redemptions=3), Look(redemptions=2), None),
        (StopWhen(redemptions=3), Look(redemptions=3), StoppedBy.REDEMPTIONS),
        (StopWhen(new_customers=10), Look(new_customers=10), StoppedBy.NEW_CUSTOMERS),
        (StopWhen(new_customers=10), Look(new_customers=None), None),
        (StopWhen(redemptions=3), Look(redemptions=1, visits=[one(10, 90)]), None),
        (HARM, Look(visits=[one(10, 90)]), StoppedBy.FEWER_VISITS),
        (HARM, Look(visits=[one(900, 100)]), None),
        (HARM, Look(visits=[one(1_000, 0)]), None),
        (HARM, Look(opt_outs=Group(people=200, did=40)), StoppedBy.OPT_OUTS),
        (HARM, Look(opt_outs=Group(people=1_000, did=20)), None),
        (
            StopWhen(redemptions=3, is_harm_watched=True),
            Look(redemptions=3, visits=[one(10, 90)]),
            StoppedBy.REDEMPTIONS,
        ),
    ],
)
def test_a_campaign_ends_for_what_its_rule_names(
    wanted: StopWhen, look: Look, reason: StoppedBy | None
) -> None:
    assert judge(wanted, look).stopped_by is reason


@pytest.mark.parametrize("reason", StoppedBy)
def test_every_reason_is_told_in_both_languages(reason: StoppedBy) -> None:
    told = words(reason, StopWhen(redemptions=5, new_customers=20, opt_out_share=0.015))
    assert told.zh
    assert told.en
    assert "None" not in told.zh + told.en
