"""The formulas of docs/metrics.md once more, by other libraries than the product's own code."""

import math
from collections.abc import Sequence
from typing import Any

from scipy import optimize, stats

Z = float(stats.norm.ppf(0.975))
K = 10
Interval = dict[str, float]


def published(people: int) -> int | None:
    """None where it would tell of fewer than ten."""
    return None if 0 < people < K else people


def interval(estimate: float, low: float, high: float) -> Interval:
    return {"estimate": estimate, "low": low, "high": high}


def times(one: Interval | None, factor: float) -> Interval | None:
    return None if one is None else {name: value * factor for name, value in one.items()}


def wilson(did: int, people: int) -> Interval:
    share = did / people
    middle, half = (
        share + Z**2 / (2 * people),
        Z * math.sqrt(share * (1 - share) / people + Z**2 / (4 * people**2)),
    )
    whole = 1 + Z**2 / people
    return interval(share, max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole))


def newcombe(treated: Interval, control: Interval) -> Interval:
    (p1, l1, u1), (p2, l2, u2) = ((one["estimate"], one["low"], one["high"]) for one in (treated, control))
    return interval(
        p1 - p2,
        p1 - p2 - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2),
        p1 - p2 + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2),
    )


def smallest_detectable(base: float, treated: int, control: int) -> float | None:
    def power(rise: float) -> float:
        share = base + rise
        mean = (base * control + share * treated) / (control + treated)
        none = math.sqrt(mean * (1 - mean) * (1 / treated + 1 / control))
        some = math.sqrt(share * (1 - share) / treated + base * (1 - base) / control)
        return float(stats.norm.cdf((rise - Z * none) / some)) - 0.8 if some else 1.0

    if power(1 - base - 1e-12) < 0:
        return None
    return float(optimize.brentq(power, 1e-12, 1 - base - 1e-12, xtol=1e-13))


def difference_of_means(
    treated: Sequence[tuple[float, float]], control: Sequence[tuple[float, float]], *, adjusts: bool
) -> Interval:
    """Of y, or of y − θx."""
    arms = (treated, control)
    means = [[sum(pair[part] for pair in arm) / len(arm) for part in (0, 1)] for arm in arms]
    centred = [[(y - mean[0], x - mean[1]) for y, x in arm] for arm, mean in zip(arms, means, strict=True)]
    shared = sum(x * y for arm in centred for y, x in arm)
    spread = sum(x * x for arm in centred for _, x in arm)
    theta = shared / spread if adjusts else 0.0
    middle = (means[0][0] - theta * means[0][1]) - (means[1][0] - theta * means[1][1])
    variance = sum(sum((y - theta * x) ** 2 for y, x in arm) / (len(arm) - 1) / len(arm) for arm in centred)
    half = Z * math.sqrt(variance)
    return interval(middle, middle - half, middle + half)


def assert_same(found: Any, wanted: Any, where: str = "", *, words: frozenset[str] = frozenset()) -> int:
    """Everything that is found is wanted, and the other way round, but for words; how many numbers were compared."""
    if isinstance(found, dict):
        assert found.keys() - words == wanted.keys(), where
        return sum(assert_same(found[name], wanted[name], f"{where}/{name}", words=words) for name in wanted)
    if isinstance(found, list):
        assert len(found) == len(wanted), where
        pairs = enumerate(zip(found, wanted, strict=True))
        return sum(
            assert_same(one, other, f"{where}/{number}", words=words) for number, (one, other) in pairs
        )
    if isinstance(found, float) and wanted is not None:
        assert math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-9), f"{where}: {found} is not {wanted}"
        return 1
    assert found == wanted, f"{where}: {found!r} is not {wanted!r}"
    return int(isinstance(found, int) and not isinstance(found, bool))
