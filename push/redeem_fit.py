"""Fitting the model of who redeems to a district's own history; only the worker needs this, scoring does not.

Logistic regression on the features of ``push.redeem_model``, calibrated by Platt's sigmoid over folds. Everything is
linear in the log-odds, so that both fold into one line whose weights are the reasons shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from push.lift import Group, Interval, wilson
from push.redeem_model import FEATURES, Features, Line, Past, RedeemModel

LEAST_ROWS = 1_000
LEAST_OF_EACH = 50
"""Redeemed and not redeemed: with fewer the prior speaks."""
HELD_BACK = 0.2
FOLDS = 5
BINS = 10
CALIBRATED_FROM = 0.01
"""A reliability that chance makes this rarely is none."""
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class History:
    """Offers in the order in which they went out: features (n, k) float64, whether redeemed (n,), kind and band."""

    features: Floats
    redeemed: Bools
    kinds: Sequence[str]

    def __len__(self) -> int:
        return len(self.redeemed)

    def part(self, start: int, end: int) -> "History":
        return History(
            features=self.features[start:end],
            redeemed=self.redeemed[start:end],
            kinds=self.kinds[start:end],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Offers of like chance: what was believed of them, and what share was redeemed."""

    believed: float
    people: int
    seen: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """How good chances were on offers that were not looked at while fitting.

    brier: the mean squared difference of chance and fact. calibration_p: Spiegelhalter's test; small means that
    chances are systematically off. Source: D. J. Spiegelhalter, Statistics in Medicine 5 (1986).
    """

    rows: int
    brier: float
    brier_prior: float
    calibration_p: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A model and how reliable it was on the newest part of the history; None when there is too little to tell."""

    model: RedeemModel
    reliability: Reliability | None


def fit(history: History, *, version: int) -> Fitted:
    """The best model that this history bears out.

    A line is kept only when, on the newest fifth that it did not see, it was better than the prior and its chances
    held; else the prior with the counts of this history. Deterministic.
    """
    cut = int(len(history) * (1 - HELD_BACK))
    before, newest = history.part(0, cut), history.part(cut, len(history))
    prior = RedeemModel(version=version, past=_past(history))
    if not len(newest):
        return Fitted(model=prior, reliability=None)
    earlier = RedeemModel(past=_past(before))
    by_prior = chances(earlier, newest)
    line = _line(before) if _is_enough(before) else None
    if line is not None:
        told = _reliability(chances(RedeemModel(line=line), newest), by_prior, newest)
        if told.brier < told.brier_prior and told.calibration_p >= CALIBRATED_FROM:
            whole = RedeemModel(version=version, past=prior.past, line=_line(history))
            return Fitted(model=whole, reliability=told)
    return Fitted(model=prior, reliability=_reliability(by_prior, by_prior, newest))


def chances(model: RedeemModel, history: History) -> Floats:
    """(n,) float64: the model's chance of each offer."""
    rows: list[list[float]] = history.features.tolist()
    return np.array([model.chance(kind, tuple(row)) for kind, row in zip(history.kinds, rows, strict=True)])


def _is_enough(history: History) -> bool:
    redeemed = int(history.redeemed.sum())
    least = min(redeemed, len(history) - redeemed)
    return len(history) >= LEAST_ROWS and least >= LEAST_OF_EACH


def _past(history: History) -> dict[str, Past]:
    kinds = np.array(history.kinds, dtype=object)
    return {
        str(kind): Past(
            issued=int((kinds == kind).sum()), redeemed=int(history.redeemed[kinds == kind].sum())
        )
        for kind in sorted(set(history.kinds))
    }


def _line(history: History) -> Line:
    """Scale, regression and sigmoid, folded into one."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    steps = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    calibrated = CalibratedClassifierCV(steps, method="sigmoid", ensemble=False, cv=folds)
    calibrated.fit(history.features, history.redeemed)
    whole = calibrated.calibrated_classifiers_[0]
    scaler, regression = whole.estimator[0], whole.estimator[1]
    sigmoid = whole.calibrators[0]  # chance = 1 / (1 + exp(a · score + b))
    weights = -float(sigmoid.a_) * regression.coef_[0] / scaler.scale_
    base = -(float(sigmoid.a_) * float(regression.intercept_[0]) + float(sigmoid.b_))
    return Line(base=base, means=_tuple(scaler.mean_), weights=_tuple(weights))


def _tuple(values: Floats) -> Features:
    if len(values) != len(FEATURES):
        raise ValueError(f"A history has {len(FEATURES)} features a row.")
    return tuple(float(one) for one in values)


def _reliability(believed: Floats, by_prior: Floats, history: History) -> Reliability:
    facts = history.redeemed.astype(np.float64)
    return Reliability(
        rows=len(history),
        brier=float(np.mean((believed - facts) ** 2)),
        brier_prior=float(np.mean((by_prior - facts) ** 2)),
        calibration_p=_calibration_p(believed, facts),
        bins=_bins(believed, history.redeemed),
    )


def _calibration_p(believed: Floats, facts: Floats) -> float:
    spread = float(np.sum((1 - 2 * believed) ** 2 * believed * (1 - believed)))
    if spread <= 0.0:
        return 1.0
    z = float(np.sum((facts - believed) * (1 - 2 * believed))) / math.sqrt(spread)
    return math.erfc(abs(z) / math.sqrt(2))


def _bins(believed: Floats, redeemed: Bools) -> tuple[Bin, ...]:
    """Equally many offers a bin, by rising chance; equal chances stay in one bin."""
    edges = np.unique(np.quantile(believed, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, believed, side="left")
    found = []
    for number in np.unique(place):
        inside = place == number
        group = Group(people=int(inside.sum()), did=int(redeemed[inside].sum()))
        found.append(Bin(believed=float(believed[inside].mean()), people=group.people, seen=wilson(group)))
    return tuple(found)
