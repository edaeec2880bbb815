"""What a campaign caused of an amount, such as visits or money: the difference of two means, with its interval."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from push.lift import CONFIDENCE, Interval, together, z_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Of one arm, of an outcome y and the same members' figure before, x: all that CUPED needs, and SQL can add it up."""

    people: int
    y: float
    yy: float
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0


def pooled_means(
    draws: Sequence[tuple[Sums, Sums]], difference: Callable[[Sums, Sums], Interval | None]
) -> Interval | None:
    """The same of differences of means; None where no draw has one."""
    found = [(treated.people, difference(treated, control)) for treated, control in draws]
    parts = [(people, one) for people, one in found if one is not None]
    return together(parts) if parts else None


def difference_of_means(treated: Sums, control: Sums, *, confidence: float = CONFIDENCE) -> Interval | None:
    """The difference of two means with Welch's interval (normal quantile); None with fewer than two members an arm."""
    return _adjusted(treated, control, 0.0, confidence)


def cuped(treated: Sums, control: Sums, *, confidence: float = CONFIDENCE) -> Interval | None:
    """The same, less what the members' earlier figure explains: the estimate stays unbiased, its interval narrows.

    theta is taken over both arms together, each about its own mean. Source: Deng, Xu, Kohavi, Walker, Improving the
    sensitivity of online controlled experiments by utilizing pre-experiment data, WSDM 2013.
    """
    spread_x = _spread(treated.xx, treated.x, treated.x, treated.people)
    spread_x += _spread(control.xx, control.x, control.x, control.people)
    shared = _spread(treated.xy, treated.x, treated.y, treated.people)
    shared += _spread(control.xy, control.x, control.y, control.people)
    return _adjusted(treated, control, shared / spread_x if spread_x > 0 else 0.0, confidence)


def _adjusted(treated: Sums, control: Sums, theta: float, confidence: float) -> Interval | None:
    if treated.people < 2 or control.people < 2:
        return None
    means, variance = [], 0.0
    for arm in (treated, control):
        means.append((arm.y - theta * arm.x) / arm.people)
        rest = _spread(arm.yy, arm.y, arm.y, arm.people)
        rest += theta * theta * _spread(arm.xx, arm.x, arm.x, arm.people)
        rest -= 2 * theta * _spread(arm.xy, arm.x, arm.y, arm.people)
        variance += max(rest, 0.0) / (arm.people - 1) / arm.people
    estimate, half = means[0] - means[1], z_of(confidence) * math.sqrt(variance)
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half)


def _spread(product: float, one: float, other: float, people: int) -> float:
    """The sum of products about the means."""
    return product - one * other / people if people else 0.0
