"""Both arms beside each other: each figure with its interval, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from district.footfall.metrics import published
from district.reports.rows import ArmRows, Splits, drawn_alike
from district.reports.schemas import (
    ArmOut,
    EffectOut,
    Estimate,
    MeanOut,
    Outcome,
    Reason,
    SplitOut,
    UnitCostOut,
)
from district.reports.words import DEFINITIONS, NAMES, REASONS, told
from push.lift import Group, Interval, Lift, lift_of, unit_cost, wilson
from push.mean_lift import Sums, cuped, difference_of_means, pooled_means
from push.wording import Language

OBSERVED: Final = frozenset({Outcome.VISIT, Outcome.PURCHASE, Outcome.NEW_CUSTOMER})
"""What members do of themselves; redemptions are the merchant's own acts, and exact."""


def is_hidden(people: int) -> bool:
    """Whether so few people are never counted out."""
    return published(people) is None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The treated, who were sent an offer, and the control, who would have been."""

    treated: ArmRows
    control: ArmRows
    splits: Splits
    language: Language

    def shown_did(self, arm: ArmRows, outcome: Outcome) -> int | None:
        """How many of an arm did it; None where that, or what is left of a published whole, is too few."""
        did = arm.group(outcome).did
        if outcome not in OBSERVED:
            return did
        rest = arm.visited - did if outcome is Outcome.NEW_CUSTOMER else 0
        return None if is_hidden(rest) else published(did)

    @property
    def blocked(self) -> Reason | None:
        """Why nothing of the two arms can be compared."""
        if not self.treated.people:
            return Reason.NOBODY_TREATED
        if not self.control.people:
            return Reason.NO_CONTROL
        if is_hidden(self.control.people):
            return Reason.TOO_FEW
        return None if self.splits.ratio.is_trusted else Reason.SPLIT

    def reason(self, outcome: Outcome) -> Reason | None:
        """Why one outcome of them is not compared."""
        hidden = any(self.shown_did(arm, outcome) is None for arm in (self.treated, self.control))
        return self.blocked or (Reason.TOO_FEW if hidden else None)

    def lift(self, outcome: Outcome) -> Lift:
        """What push makes of it, published or not."""
        drawn = [(one.group(outcome), other.group(outcome)) for one, other in self.draws]
        return lift_of(
            self.treated.group(outcome), self.control.group(outcome), self.splits.ratio, draws=drawn
        )

    @property
    def draws(self) -> list[tuple[ArmRows, ArmRows]]:
        """Both arms of each share and salt that the campaign has had."""
        return drawn_alike(self.treated, self.control)

    def words(self, reason: Reason | None) -> str | None:
        """The reason in the reader's language."""
        return None if reason is None else told(REASONS[reason], self.language)


def estimate(interval: Interval | None) -> Estimate | None:
    """An interval as programs read it."""
    if interval is None:
        return None
    return Estimate(estimate=interval.estimate, low=interval.low, high=interval.high)


def split(found: Splits, control: int) -> SplitOut:
    """The check of the arms' sizes; its figures would tell the size of a small control."""
    ratio = found.ratio
    hidden = any(map(is_hidden, (control, ratio.control, found.unknown_control)))
    checked = ratio.treated + ratio.control > 0
    return SplitOut(
        expected_control_share=ratio.expected_control_share if checked else None,
        p_value=ratio.p_value if checked and not hidden else None,
        is_trusted=ratio.is_trusted,
    )


def effect(compared: Comparison, outcome: Outcome) -> EffectOut:
    """One outcome of both arms."""
    reason = compared.reason(outcome)
    found = compared.lift(outcome)
    difference = None if reason else found.difference
    is_base_shown = (
        reason in {None, Reason.SPLIT} and compared.shown_did(compared.control, outcome) is not None
    )
    return EffectOut(
        outcome=outcome,
        name=told(NAMES[outcome], compared.language),
        definition=told(DEFINITIONS[outcome], compared.language),
        treated=_arm(compared, compared.treated, outcome),
        control=_arm(compared, compared.control, outcome),
        difference=estimate(difference),
        relative=found.relative if difference else None,
        additional=estimate(found.additional) if difference else None,
        is_certain=difference.is_certain if difference else None,
        smallest_detectable=found.detectable if is_base_shown else None,
        reason=reason,
        reason_text=compared.words(reason),
    )


def _arm(compared: Comparison, arm: ArmRows, outcome: Outcome) -> ArmOut:
    people, did = published(arm.people), compared.shown_did(arm, outcome)
    if arm is compared.treated:
        people = arm.people
    share = None
    if people is not None and did is not None and people > 0:
        share = estimate(wilson(Group(people=people, did=did)))
    return ArmOut(people=people, did=did if people is not None else None, share=share)


def mean(compared: Comparison, outcome: Outcome, sums: Callable[[ArmRows], Sums]) -> MeanOut:
    """The difference of an amount a member, plain and adjusted by the same members' earlier figure."""
    reason = compared.reason(outcome)
    treated, control = sums(compared.treated), sums(compared.control)
    drawn = [(sums(one), sums(other)) for one, other in compared.draws]
    if reason is None and outcome is Outcome.PURCHASE and not treated.y and not control.y:
        reason = Reason.NO_PURCHASES
    if reason is not None:
        return MeanOut(plain=None, adjusted=None, reason=reason, reason_text=compared.words(reason))
    has_history = treated.xx + control.xx > 0
    missing = None if has_history else Reason.NO_HISTORY
    return MeanOut(
        plain=estimate(pooled_means(drawn, difference_of_means)),
        adjusted=estimate(pooled_means(drawn, cuped)) if has_history else None,
        reason=missing,
        reason_text=compared.words(missing),
    )


def cost_of_one(compared: Comparison, outcome: Outcome, cost_minor: int) -> UnitCostOut:
    """What one more cost: the cost of the treated by how many more of them did it."""
    reason = compared.reason(outcome)
    additional = compared.lift(outcome).additional
    if reason is None and (additional is None or additional.estimate <= 0):
        reason = Reason.NO_LIFT
    if reason is not None or additional is None:
        words = compared.words(reason)
        return UnitCostOut(
            estimate_minor=None, low_minor=None, high_minor=None, reason=reason, reason_text=words
        )
    each = unit_cost(cost_minor, additional)
    unbounded = Reason.UNBOUNDED if each.high is None else None
    return UnitCostOut(
        estimate_minor=each.estimate,
        low_minor=each.low,
        high_minor=each.high,
        reason=unbounded,
        reason_text=compared.words(unbounded),
    )
