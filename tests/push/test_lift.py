"""Lift and its intervals, held to statsmodels, to published constants, and to the randomised arms of Hillstrom's mailing."""

import csv
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from push.lift import (
    CountsInvalid,
    Group,
    Interval,
    Split,
    UnitCost,
    lift,
    lift_of,
    newcombe,
    pooled,
    power,
    sample_ratio,
    sample_ratio_of,
    smallest_detectable,
    unit_cost,
    wilson,
)
from push.mean_lift import Sums, cuped, difference_of_means

HILLSTROM: Final = Path(__file__).parents[3] / "shared/data/hillstrom/hillstrom.csv"
MENS = {"visit": Group(people=21_307, did=3_894), "conversion": Group(people=21_307, did=267)}
NONE = {"visit": Group(people=21_306, did=2_262), "conversion": Group(people=21_306, did=122)}
"""Counts of the men's e-mail and of no e-mail in K. Hillstrom's MineThatData challenge of 2008."""

groups = st.integers(1, 5_000).flatmap(
    lambda people: st.integers(0, people).map(lambda did: Group(people=people, did=did))
)


@pytest.mark.parametrize(("outcome", "points", "half"), [("visit", 7.66, 0.66), ("conversion", 0.68, 0.18)])
def test_the_mens_mail_has_its_published_lift(outcome: str, points: float, half: float) -> None:
    found = newcombe(MENS[outcome], NONE[outcome])
    assert 100 * found.estimate == pytest.approx(points, abs=0.005)
    assert 50 * (found.high - found.low) == pytest.approx(half, abs=0.006)
    assert found.is_certain


def arms() -> Mapping[str, list[dict[str, str]]]:
    if not HILLSTROM.exists():
        pytest.skip("shared/data/hillstrom is not here: the counts of its arms are tested without it")
    found: dict[str, list[dict[str, str]]] = {}
    with HILLSTROM.open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["segment"], []).append(row)
    return found


def test_the_counts_are_those_of_the_file() -> None:
    rows = arms()
    for arm, expected in (("Mens E-Mail", MENS), ("No E-Mail", NONE)):
        for outcome, group in expected.items():
            did = sum(row[outcome] == "1" for row in rows[arm])
            assert Group(people=len(rows[arm]), did=did) == group


def sums(rows: list[dict[str, str]]) -> Sums:
    y = np.array([float(row["spend"]) for row in rows])
    x = np.array([float(row["history"]) for row in rows])
    return Sums(
        people=len(rows),
        y=float(y.sum()),
        yy=float((y * y).sum()),
        x=float(x.sum()),
        xx=float((x * x).sum()),
        xy=float((x * y).sum()),
    )


def test_earlier_spend_narrows_the_interval_of_spend() -> None:
    rows = arms()
    treated, control = sums(rows["Mens E-Mail"]), sums(rows["No E-Mail"])
    plain, adjusted = difference_of_means(treated, control), cuped(treated, control)
    assert plain is not None
    assert adjusted is not None
    assert adjusted.high - adjusted.low < plain.high - plain.low
    assert plain.low < adjusted.estimate < plain.high


@given(groups)
def test_wilsons_interval_is_that_of_statsmodels(group: Group) -> None:
    low, high = proportion_confint(group.did, group.people, method="wilson")
    found = wilson(group)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@given(groups, groups)
def test_newcombes_interval_is_that_of_statsmodels(treated: Group, control: Group) -> None:
    low, high = confint_proportions_2indep(
        treated.did, treated.people, control.did, control.people, method="newcomb", compare="diff"
    )
    found = newcombe(treated, control)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert -1 <= found.low <= found.estimate <= found.high <= 1


@given(groups, groups)
def test_exchanged_arms_turn_the_difference_round(one: Group, other: Group) -> None:
    found, turned = newcombe(one, other), newcombe(other, one)
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (-turned.estimate, -turned.high, -turned.low), abs=1e-12
    )


@pytest.mark.parametrize(
    ("did", "people", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_as_newcombe_printed_it(did: int, people: int, low: float, high: float) -> None:
    """Table I of Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998)."""
    found = wilson(Group(people=people, did=did))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombes_interval_is_as_he_printed_it(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """Table II, method 10, of Newcombe, Statistics in Medicine 17 (1998), 873-890."""
    found = newcombe(Group(did=one[0], people=one[1]), Group(did=other[0], people=other[1]))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 50_000), st.integers(0, 50_000), st.floats(0.01, 0.5))
def test_the_split_is_judged_by_pearsons_chi_square(treated: int, control: int, share: float) -> None:
    found = sample_ratio(treated, control, control_share=share)
    people = treated + control
    if people == 0:
        assert found.is_trusted
        return
    expected = [people * (1 - share), people * share]
    assert found.p_value == pytest.approx(
        stats.chisquare([treated, control], expected).pvalue, rel=1e-6, abs=1e-12
    )


def test_a_split_that_is_off_blocks_the_figure() -> None:
    """Nine hundred of ten thousand where a thousand were meant: chance does that once in a thousand times."""
    found = lift(Group(people=9_100, did=900), Group(people=900, did=60), control_share=0.1)
    assert not found.ratio.is_trusted
    assert (found.difference, found.relative, found.additional) == (None, None, None)


def test_a_split_within_chance_shows_the_figure_with_its_interval() -> None:
    found = lift(Group(people=9_000, did=900), Group(people=1_000, did=80), control_share=0.1)
    assert found.ratio.is_trusted
    assert found.difference is not None
    assert found.difference.low < 0.02 < found.difference.high
    assert found.relative == pytest.approx(0.25)
    assert found.additional is not None
    assert found.additional.estimate == pytest.approx(180)


def test_without_one_arm_there_is_no_figure() -> None:
    found = lift(Group(people=500, did=50), Group(people=0, did=0), control_share=0.0)
    assert (found.difference, found.additional, found.detectable) == (None, None, None)


def test_somebody_in_an_arm_that_should_be_empty_is_a_fault_of_the_split() -> None:
    assert not sample_ratio(100, 1, control_share=0.0).is_trusted
    assert not sample_ratio(1, 100, control_share=1.0).is_trusted


@pytest.mark.parametrize("control", [1_000, 2_000])
@pytest.mark.parametrize("outcome", ["visit", "conversion"])
def test_the_power_is_how_often_the_interval_keeps_clear_of_zero(outcome: str, control: int) -> None:
    """For a mailing of 20,000 with a twentieth or a tenth held out, as simulated with Newcombe's interval itself."""
    base, share = NONE[outcome].share, MENS[outcome].share
    treated = 20_000 - control
    random = np.random.default_rng(1)
    drawn = zip(random.binomial(treated, share, 1_000), random.binomial(control, base, 1_000), strict=True)
    clear = [
        newcombe(Group(people=treated, did=int(one)), Group(people=control, did=int(other))).low > 0
        for one, other in drawn
    ]
    told = power(base, share - base, treated=treated, control=control)
    assert told == pytest.approx(sum(clear) / len(clear), abs=0.05)
    assert told > 0.8 or (outcome, control) == ("conversion", 1_000)


@given(st.floats(0.01, 0.6), st.integers(200, 50_000), st.integers(50, 50_000))
def test_the_smallest_detectable_rise_has_the_power_that_it_promises(
    base: float, treated: int, control: int
) -> None:
    rise = smallest_detectable(base, treated=treated, control=control)
    if rise is None:
        assert power(base, 1 - base, treated=treated, control=control) < 0.8
        return
    assert power(base, rise, treated=treated, control=control) >= 0.8 - 1e-9
    assert power(base, rise * 0.999, treated=treated, control=control) < 0.8 + 1e-6


def test_the_smallest_detectable_rise_is_near_that_of_statsmodels() -> None:
    """Theirs transforms by the arcsine, so that the two agree only nearly."""
    effect = NormalIndPower().solve_power(nobs1=18_000, ratio=2_000 / 18_000, alpha=0.05, power=0.8)
    theirs = math.sin(math.asin(math.sqrt(0.1)) + effect / 2) ** 2 - 0.1
    ours = smallest_detectable(0.1, treated=18_000, control=2_000)
    assert ours == pytest.approx(theirs, rel=0.02)


def test_cuped_is_the_mean_of_what_regression_leaves() -> None:
    random = np.random.default_rng(5)
    x = random.gamma(2, 30, 4_000)
    y = 0.8 * x + random.normal(0, 20, 4_000)
    is_treated = np.arange(4_000) % 2 == 0
    y[is_treated] += 5
    both = [
        Sums(
            people=int(mask.sum()),
            y=float(y[mask].sum()),
            yy=float((y[mask] ** 2).sum()),
            x=float(x[mask].sum()),
            xx=float((x[mask] ** 2).sum()),
            xy=float((x[mask] * y[mask]).sum()),
        )
        for mask in (is_treated, ~is_treated)
    ]
    found, plain = cuped(*both), difference_of_means(*both)
    assert found is not None
    assert plain is not None
    welch = stats.ttest_ind(y[is_treated], y[~is_treated], equal_var=False)
    assert plain.estimate == pytest.approx(float(y[is_treated].mean() - y[~is_treated].mean()))
    assert plain.high - plain.low == pytest.approx(2 * 1.959964 * plain.estimate / welch.statistic, rel=1e-6)
    assert found.low < 5 < found.high
    assert found.high - found.low < 0.55 * (plain.high - plain.low)


def test_one_member_an_arm_has_no_spread() -> None:
    one = Sums(people=1, y=3.0, yy=9.0)
    assert cuped(one, Sums(people=5, y=3.0, yy=9.0)) is None


@pytest.mark.parametrize(("people", "did"), [(3, 4), (-1, 0), (3, -1)])
def test_numbers_that_cannot_be_counts_are_refused(people: int, did: int) -> None:
    with pytest.raises(CountsInvalid):
        Group(people=people, did=did)


def test_members_who_came_under_different_shares_are_checked_together() -> None:
    """A tenth held out of some and a half of others: neither sum alone has the share of the other."""
    parts = [
        Split(treated=900, control=100, control_share=0.1),
        Split(treated=100, control=100, control_share=0.5),
    ]
    found = sample_ratio_of(parts)
    assert found.p_value == pytest.approx(1.0)
    assert found.expected_control_share == pytest.approx(200 / 1200)
    off = [replace(one, control=one.treated) for one in parts]
    assert not sample_ratio_of(off).is_trusted
    square = (1000 - 280) ** 2 / (1800 * 0.09 + 200 * 0.25)
    assert sample_ratio_of(off).p_value == pytest.approx(stats.chi2.sf(square, 1))
    assert sample_ratio_of([]).is_trusted


def test_a_cost_has_no_upper_bound_where_no_more_may_have_come() -> None:
    assert unit_cost(600, Interval(estimate=20, low=10, high=30)) == UnitCost(estimate=30, low=20, high=60)
    assert unit_cost(600, Interval(estimate=20, low=-1, high=30)) == UnitCost(estimate=30, low=20, high=None)
    assert unit_cost(600, Interval(estimate=-2, low=-9, high=0)) == UnitCost(
        estimate=None, low=None, high=None
    )


def test_shares_that_changed_in_between_are_compared_each_by_itself() -> None:
    """Nothing had an effect, but few came while many were held out: arms that are added up would show one."""
    quiet = Group(people=500, did=50), Group(people=500, did=50)
    busy = Group(people=900, did=450), Group(people=100, did=50)
    whole = Group(people=1_400, did=500), Group(people=600, did=100)
    assert newcombe(*whole).low > 0.15
    found = pooled([quiet, busy])
    assert found.estimate == pytest.approx(0)
    assert found.low < 0 < found.high


def test_one_draw_is_newcombes_own() -> None:
    treated, control = Group(people=400, did=80), Group(people=90, did=9)
    assert pooled([(treated, control)]) == newcombe(treated, control)


def test_a_draw_without_a_control_says_nothing() -> None:
    treated, control = Group(people=400, did=80), Group(people=100, did=10)
    free = Group(people=1_000, did=900), Group(people=0, did=0)
    ratio = sample_ratio(400, 100, control_share=0.2)
    whole = Group(people=1_400, did=980)
    found = lift_of(whole, control, ratio, draws=[(treated, control), free])
    assert found.difference == newcombe(treated, control)
    assert found.additional is not None
    assert found.additional.estimate == pytest.approx(40)
    assert found.relative == pytest.approx(1.0)
