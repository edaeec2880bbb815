"""When a campaign ends by itself: its work is done, or it is known to do harm however often somebody looks.

A 95 % interval that is looked at every minute lies outside the truth sooner or later. What is asked here instead is
evidence that may be looked at as often as one likes: a mixture of likelihood ratios, which by Ville's inequality exceeds
1/α with a probability of at most α at any time at all, when there is no harm.
Sources: J. Ville, Étude critique de la notion de collectif (1939); H. Robbins, Statistical methods related to the law of
the iterated logarithm, Ann. Math. Statist. 41 (1970); M. Lindon, A. Malek, Anytime-valid inference for multinomial
count data, NeurIPS 2022; A. Ramdas, P. Grünwald, V. Vovk, G. Shafer, Game-theoretic statistics and safe anytime-valid
inference, Statistical Science 38 (2023). docs/decisions/0024.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from push.lift import Group
from push.rule import StopWhen
from push.wording import Localised, both

ERROR: Final = 0.05
"""How often a campaign that does no harm is ended for harm, at most, over all of its looks."""
PROVEN_P: Final = ERROR / 2
"""Two signs of harm are looked for, each with its part of the error."""
_FEWER: Final = (0.95, 0.9, 0.8, 0.65, 0.5, 0.25)
"""Visits of the treated as parts of the control's, against which no difference is weighed."""
_MORE: Final = (1.25, 1.5, 2.0, 3.0, 5.0)
"""The same of the odds of stopping messages, against the bound."""


class StoppedBy(StrEnum):
    """Why a campaign ended by itself."""

    REDEMPTIONS = "redemptions"
    NEW_CUSTOMERS = "new_customers"
    FEWER_VISITS = "fewer_visits"
    OPT_OUTS = "opt_outs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """One experiment: how many of each arm came, and which share of the members was held out, between 0 and 1."""

    treated: int
    control: int
    control_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is known of a campaign at one moment; what is not published of observed people is None."""

    redemptions: int = 0
    new_customers: int | None = None
    visits: Sequence[Draw] | None = None
    """Members of both arms who came; None where the arms cannot be compared."""
    opt_outs: Group | None = None
    """The treated, and those of them who stopped messages within the window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A look, weighed: why the campaign ends, if it does, and how likely such signs would be without any harm."""

    stopped_by: StoppedBy | None
    visits_p: float | None
    opt_outs_p: float | None


def judge(wanted: StopWhen, look: Look) -> Judged:
    """Whether the campaign ends now; what it was to bring goes before what it did wrong."""
    visits_p = opt_outs_p = None
    if wanted.is_harm_watched and look.visits is not None:
        visits_p = chance_of(fewer_visits(look.visits))
    if wanted.opt_out_share is not None and look.opt_outs is not None:
        opt_outs_p = chance_of(more_than(look.opt_outs, wanted.opt_out_share))
    return Judged(
        stopped_by=_reason(wanted, look, visits_p, opt_outs_p), visits_p=visits_p, opt_outs_p=opt_outs_p
    )


def _reason(
    wanted: StopWhen, look: Look, visits_p: float | None, opt_outs_p: float | None
) -> StoppedBy | None:
    if wanted.redemptions is not None and look.redemptions >= wanted.redemptions:
        return StoppedBy.REDEMPTIONS
    if wanted.new_customers is not None and (look.new_customers or 0) >= wanted.new_customers:
        return StoppedBy.NEW_CUSTOMERS
    if _is_proven(opt_outs_p):
        return StoppedBy.OPT_OUTS
    return StoppedBy.FEWER_VISITS if _is_proven(visits_p) else None


def _is_proven(chance: float | None) -> bool:
    return chance is not None and chance <= PROVEN_P


def fewer_visits(draws: Iterable[Draw]) -> float:
    """The evidence, as a natural logarithm, that fewer of the treated came than would have without the offer.

    Without harm whoever comes is of the control with at most the probability with which members are drawn into it,
    whatever else he does; so each who comes is one toss of a coin whose odds are known. Every draw is such a series; their
    ratios multiply.
    """
    known = [one for one in draws if 0 < one.control_share < 1]
    return _mixed([sum(_coming(one, part) for one in known) for part in _FEWER])


def _coming(draw: Draw, part: float) -> float:
    """log of the likelihood when the treated come `part` times as often, over that when they come alike."""
    scale = math.log(draw.control_share + (1 - draw.control_share) * part)
    return draw.treated * math.log(part) - (draw.treated + draw.control) * scale


def more_than(group: Group, bound: float) -> float:
    """The evidence, as a natural logarithm, that members do it more often than `bound`, 0..1.

    Whoever may still do it counts as one who did not, which only takes evidence away.
    """
    return _mixed(
        [group.did * math.log(odds) - group.people * math.log(1 - bound + odds * bound) for odds in _MORE]
    )


def _mixed(logs: Sequence[float]) -> float:
    """log of the mean of exp: alternatives weigh alike."""
    most = max(logs)
    return most + math.log(math.fsum(math.exp(one - most) for one in logs) / len(logs))


def chance_of(evidence: float) -> float:
    """The chance, at most, that such evidence ever comes up without harm: a p-value that may be looked at any time."""
    return min(1.0, math.exp(-evidence))


def words(stopped_by: StoppedBy, wanted: StopWhen) -> Localised:
    """Why it ended, for the campaign's history."""
    match stopped_by:
        case StoppedBy.REDEMPTIONS:
            return both(
                zh=f"核销已达到设定的 {wanted.redemptions} 次，活动自动结束。",
                en=f"It has brought the {wanted.redemptions} redemptions that it was to bring, and ended by itself.",
            )
        case StoppedBy.NEW_CUSTOMERS:
            return both(
                zh=f"带来的新客已达到设定的 {wanted.new_customers} 人，活动自动结束。",
                en=f"It has brought the {wanted.new_customers} new customers that it was to bring, and ended by itself.",
            )
        case StoppedBy.OPT_OUTS:
            share = f"{(wanted.opt_out_share or 0) * 100:g}"
            return both(
                zh=f"收到优惠后退订或屏蔽的会员超过 {share}%，活动自动结束。",
                en=f"More than {share} % of the members whom it reached stopped messages after it, and it ended by itself.",
            )
        case StoppedBy.FEWER_VISITS:
            return both(
                zh="收到优惠的会员到店少于对照组，活动自动结束。",
                en="Members whom it reached came less often than those held out, and it ended by itself.",
            )
