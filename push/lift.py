"""What a campaign caused: the difference between those who got it and those who were held out, never without its interval.

Formulas, with their sources, are in docs/metrics.md; everything here is of counts and sums, so that any figure can be
made again from rows.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from push.errors import PushError

CONFIDENCE = 0.95
POWER = 0.8
TRUSTED_FROM = 0.001
"""A split of arms that chance makes this rarely is a fault of the split, and no figure is shown."""
_HALVINGS = 60


class CountsInvalid(PushError):
    """Numbers that cannot be counts of one group."""

    def __init__(self) -> None:
        super().__init__("Counts are whole numbers, zero or more, and no more people did than there were.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """How many members were in an arm, and how many of them did what is counted."""

    people: int
    did: int

    def __post_init__(self) -> None:
        if not 0 <= self.did <= self.people:
            raise CountsInvalid

    @property
    def share(self) -> float:
        return self.did / self.people if self.people else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate and the bounds that hold the truth 95 times of 100."""

    estimate: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether it keeps clear of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRatio:
    """How well the arms' sizes fit the split that was asked for."""

    treated: int
    control: int
    expected_control_share: float
    p_value: float

    @property
    def is_trusted(self) -> bool:
        return self.p_value >= TRUSTED_FROM


@dataclass(frozen=True, kw_only=True, slots=True)
class Lift:
    """A campaign's effect. difference is None when the split cannot be trusted or an arm is empty.

    additional is how many more of the treated did it than would have anyway.
    """

    treated: Group
    control: Group
    ratio: SampleRatio
    difference: Interval | None
    relative: float | None
    additional: Interval | None
    detectable: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How many members came into each arm while one share of them was held out."""

    treated: int
    control: int
    control_share: float

    def __post_init__(self) -> None:
        if self.treated < 0 or self.control < 0 or not 0 <= self.control_share <= 1:
            raise CountsInvalid


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitCost:
    """What one more of something cost. None where no more of it may have come: it has no bound then."""

    estimate: float | None
    low: float | None
    high: float | None


def unit_cost(cost: float, additional: Interval) -> UnitCost:
    """A cost by how many more there were; the more there may have been, the less each cost."""

    def each(count: float) -> float | None:
        return cost / count if count > 0 else None

    return UnitCost(estimate=each(additional.estimate), low=each(additional.high), high=each(additional.low))


def lift(treated: Group, control: Group, *, control_share: float) -> Lift:
    """The effect of an offer on a share: those who got it against those who would have.

    control_share is the share of members whom the rule holds out, 0..1.
    """
    ratio = sample_ratio(treated.people, control.people, control_share=control_share)
    return lift_of(treated, control, ratio)


def lift_of(
    treated: Group, control: Group, ratio: SampleRatio, *, draws: Sequence[tuple[Group, Group]] = ()
) -> Lift:
    """The same of arms whose split was looked at before.

    draws are both arms of each share and salt under which members were drawn, when these changed: each is an experiment
    of its own, and the difference is pooled over them.
    """
    both = [one for one in draws or [(treated, control)] if one[0].people and one[1].people]
    difference = pooled(both) if ratio.is_trusted and both else None
    people = sum(one.people for one, _ in both)
    base = sum(one.people * other.share for one, other in both) / people if people else 0.0
    return Lift(
        treated=treated,
        control=control,
        ratio=ratio,
        difference=difference,
        relative=difference.estimate / base if difference and base else None,
        additional=None
        if difference is None
        else Interval(
            estimate=difference.estimate * people, low=difference.low * people, high=difference.high * people
        ),
        detectable=smallest_detectable(control.share, treated=treated.people, control=control.people)
        if treated.people and control.people
        else None,
    )


def wilson(group: Group, *, confidence: float = CONFIDENCE) -> Interval:
    """A share with Wilson's score interval; of nobody it is 0, anywhere from 0 to 1.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if not group.people:
        return Interval(estimate=0.0, low=0.0, high=1.0)
    z, n, share = z_of(confidence), group.people, group.share
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(
        estimate=share,
        low=0.0 if group.did == 0 else middle - half,
        high=1.0 if group.did == n else middle + half,
    )


def newcombe(treated: Group, control: Group, *, confidence: float = CONFIDENCE) -> Interval:
    """The difference of two shares, with Newcombe's hybrid score interval.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998), method 10.
    """
    one, other = wilson(treated, confidence=confidence), wilson(control, confidence=confidence)
    difference = one.estimate - other.estimate
    below = math.hypot(one.estimate - one.low, other.high - other.estimate)
    above = math.hypot(one.high - one.estimate, other.estimate - other.low)
    return Interval(estimate=difference, low=difference - below, high=difference + above)


def pooled(draws: Sequence[tuple[Group, Group]], *, confidence: float = CONFIDENCE) -> Interval:
    """The mean of the draws' differences, each weighing as many members as were treated in it.

    Adding up arms that were drawn with different shares would compare other times with each other. The interval is made
    of each draw's Newcombe interval by the method of variance estimates recovery; of one draw it is that interval.
    Source: G. Y. Zou, A. Donner, Construction of confidence limits about effect measures, Stat. in Medicine 27 (2008).
    """
    parts = [
        (treated.people, newcombe(treated, control, confidence=confidence)) for treated, control in draws
    ]
    return together(parts)


def together(parts: Sequence[tuple[int, Interval]]) -> Interval:
    """The mean of intervals, each weighing as many members as stand beside it."""
    whole = sum(people for people, _ in parts)
    shares = [(people / whole, one) for people, one in parts]
    estimate = math.fsum(share * one.estimate for share, one in shares)
    below = math.sqrt(math.fsum((share * (one.estimate - one.low)) ** 2 for share, one in shares))
    above = math.sqrt(math.fsum((share * (one.high - one.estimate)) ** 2 for share, one in shares))
    return Interval(estimate=estimate, low=estimate - below, high=estimate + above)


def sample_ratio(treated: int, control: int, *, control_share: float) -> SampleRatio:
    """Whether the arms have the sizes that the split asks for: Pearson's chi-square with one degree of freedom."""
    return sample_ratio_of([Split(treated=treated, control=control, control_share=control_share)])


def sample_ratio_of(splits: Iterable[Split]) -> SampleRatio:
    """The same of members who came while different shares were held out: what is expected adds up."""
    every = list(splits)
    treated, control = sum(one.treated for one in every), sum(one.control for one in every)
    shares = [(one.treated + one.control, one.control_share) for one in every]
    expected = math.fsum(people * share for people, share in shares)
    variance = math.fsum(people * share * (1 - share) for people, share in shares)
    if variance > 0:
        p_value = math.erfc(math.sqrt((control - expected) ** 2 / variance / 2))
    else:
        p_value = 1.0 if control == expected else 0.0
    share = (
        expected / (treated + control) if expected else max((one.control_share for one in every), default=0.0)
    )
    return SampleRatio(treated=treated, control=control, expected_control_share=share, p_value=p_value)


def smallest_detectable(
    base_share: float, *, treated: int, control: int, power: float = POWER, confidence: float = CONFIDENCE
) -> float | None:
    """The smallest rise of a share, in points of 0..1, that arms of these sizes tell from chance this often.

    Two-sided test of two proportions by the normal approximation; None when not even a rise to 1 would be told.
    Source: Fleiss, Levin, Paik, Statistical Methods for Rates and Proportions (3rd ed.), 4.2, without correction.
    """
    if treated < 1 or control < 1 or not 0 <= base_share < 1:
        return None

    def is_told(rise: float) -> bool:
        return _power(base_share, base_share + rise, treated, control, confidence) >= power

    low, high = 0.0, 1.0 - base_share
    if not is_told(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_told(middle) else (middle, high)
    return high


def _power(base: float, share: float, treated: int, control: int, confidence: float) -> float:
    """How often a two-sided test sees that a share is not the base, by the normal approximation."""
    pooled = (base * control + share * treated) / (control + treated)
    under_none = math.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / control))
    under_rise = math.sqrt(share * (1 - share) / treated + base * (1 - base) / control)
    if under_rise == 0.0:
        return 1.0 if share - base > z_of(confidence) * under_none else 0.0
    return NormalDist().cdf((share - base - z_of(confidence) * under_none) / under_rise)


def power(base_share: float, rise: float, *, treated: int, control: int) -> float:
    """How often arms of these sizes tell this rise from chance."""
    return _power(base_share, base_share + rise, treated, control, CONFIDENCE)


def z_of(confidence: float) -> float:
    """How many standard deviations hold this share of a normal distribution about its middle."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)
