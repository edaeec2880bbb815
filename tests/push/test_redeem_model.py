"""The chance that an offer is redeemed: the prior, the fitted line, its reasons and its reliability."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from push.offer import OfferValue, ValueKind
from push.redeem_fit import Bools, Floats, History, chances, fit
from push.redeem_model import (
    FEATURES,
    WORDS,
    Hour,
    Line,
    ModelUnreadable,
    Past,
    RedeemModel,
    features,
    kind_of,
    prior_chance,
)

PERCENT = "percent:normal"
TRUTH = np.array([2.5, 0.0, 0.6, -1.2, 0.9, 1.4, 0.5, 0.2, 0.1, 1.1, 0.4])
TENTH = OfferValue(kind=ValueKind.PERCENT, percent=10)
HELSINKI = ZoneInfo("Europe/Helsinki")


def generated(rows: int, *, seed: int = 11, weights: Floats = TRUTH, base: float = -4.0) -> History:
    """Offers whose features are as mixed as a district's, redeemed with a chance that is a line in the log-odds."""
    random = np.random.default_rng(seed)
    values = random.random((rows, len(FEATURES)))
    kinds = random.integers(0, 4, rows)
    for column, kind in ((1, 1), (2, 2), (3, 3)):
        values[:, column] = kinds == kind
    for column in (6, 7, 8, 9):
        values[:, column] = random.random(rows) < 0.3
    redeemed: Bools = random.random(rows) < 1 / (1 + np.exp(-(base + values @ weights)))
    names = np.array(["amount:normal", PERCENT, "gift:normal", "none:normal"])[kinds]
    return History(features=values, redeemed=redeemed, kinds=[str(name) for name in names])


def test_without_history_the_prior_of_the_kind_speaks() -> None:
    assert RedeemModel().chance(PERCENT, (0.5,) * len(FEATURES)) == prior_chance(PERCENT) == 0.05
    assert RedeemModel().chance("gift:paid", ()) == 0.08
    assert RedeemModel().reasons((0.5,) * len(FEATURES)) == ()


def test_what_was_seen_moves_the_prior_by_its_number() -> None:
    """Fifty offers weigh as much as the belief, five thousand drown it."""
    few = RedeemModel(past={PERCENT: Past(issued=50, redeemed=10)})
    many = RedeemModel(past={PERCENT: Past(issued=5_000, redeemed=1_000)})
    assert few.prior(PERCENT) == pytest.approx((0.05 * 50 + 10) / 100)
    assert many.prior(PERCENT) == pytest.approx(0.2, abs=0.002)
    assert many.prior("percent:paid") == 0.05


def test_too_little_history_leaves_the_prior_with_its_counts() -> None:
    fitted = fit(generated(900), version=3)
    assert (fitted.model.line, fitted.model.version) == (None, 3)
    assert sum(past.issued for past in fitted.model.past.values()) == 900
    assert fitted.reliability is not None
    assert fitted.reliability.brier == fitted.reliability.brier_prior


def test_no_history_at_all_is_the_prior() -> None:
    empty = History(features=np.zeros((0, len(FEATURES))), redeemed=np.zeros(0, np.bool_), kinds=[])
    assert fit(empty, version=1).model == RedeemModel(version=1)


def test_a_history_in_which_hardly_anybody_redeems_leaves_the_prior() -> None:
    assert fit(generated(3_000, base=-12.0), version=1).model.line is None


def test_features_that_say_nothing_leave_the_prior() -> None:
    nothing = generated(4_000, weights=np.zeros(len(FEATURES)), base=-2.0)
    assert fit(nothing, version=1).model.line is None


def test_generated_history_is_learnt_and_its_chances_hold() -> None:
    fitted = fit(generated(20_000), version=2)
    assert fitted.model.line is not None
    assert fitted.reliability is not None
    assert fitted.reliability.brier < 0.95 * fitted.reliability.brier_prior
    fresh = generated(20_000, seed=12)
    believed = chances(fitted.model, fresh)
    z = np.sum((fresh.redeemed - believed) * (1 - 2 * believed)) / math.sqrt(
        np.sum((1 - 2 * believed) ** 2 * believed * (1 - believed))
    )
    assert abs(z) < 3
    assert all(one.seen.low - 0.02 < one.believed < one.seen.high + 0.02 for one in fitted.reliability.bins)
    assert sum(one.people for one in fitted.reliability.bins) == fitted.reliability.rows == 4_000


def test_weights_come_near_those_the_history_was_made_with() -> None:
    line = fit(generated(40_000), version=1).model.line
    assert line is not None
    assert np.corrcoef(line.weights, TRUTH)[0, 1] > 0.97


def test_chances_that_are_off_on_the_newest_offers_are_not_used() -> None:
    """The last fifth redeems as if the weights were turned round: a line from before is worse than the prior."""
    before, after = generated(8_000), generated(2_000, weights=-TRUTH, base=1.0, seed=4)
    turned = History(
        features=np.vstack((before.features, after.features)),
        redeemed=np.concatenate((before.redeemed, after.redeemed)),
        kinds=[*before.kinds, *after.kinds],
    )
    assert fit(turned, version=1).model.line is None


def test_the_line_is_what_the_calibrated_regression_says() -> None:
    history = generated(3_000)
    line = fit(history, version=1).model.line
    assert line is not None
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    steps = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    theirs = CalibratedClassifierCV(steps, method="sigmoid", ensemble=False, cv=folds)
    theirs.fit(history.features, history.redeemed)
    told = theirs.predict_proba(history.features)[:, 1]
    assert chances(RedeemModel(line=line), history) == pytest.approx(told, abs=1e-9)


def test_fitting_again_gives_the_same_model() -> None:
    assert fit(generated(3_000), version=1) == fit(generated(3_000), version=1)


def test_a_model_survives_its_document() -> None:
    model = fit(generated(3_000), version=9).model
    assert RedeemModel.of_document(model.document(), version=9) == model


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"v": 2, "past": {}},
        {"v": 1, "past": {"percent": [1]}},
        {"v": 1, "past": [], "base": 0.0},
        {"v": 1, "past": {}, "base": 0.0, "features": [{"name": "worth", "mean": 0, "weight": 1}]},
        {
            "v": 1,
            "past": {},
            "base": math.nan,
            "features": RedeemModel(line=Line(base=0.0, means=(0.0,) * 11, weights=(0.0,) * 11)).document()[
                "features"
            ],
        },
    ],
    ids=["empty", "version", "past", "list", "features", "nan"],
)
def test_what_is_no_model_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ModelUnreadable):
        RedeemModel.of_document(document, version=1)


def test_reasons_add_up_to_the_log_odds_and_are_named_in_both_languages() -> None:
    model = fit(generated(5_000), version=1).model
    assert model.line is not None
    values = (0.9, 1.0, 0.0, 0.0, 0.2, 0.8, 1.0, 0.0, 0.0, 1.0, 0.5)
    reasons = model.reasons(values)
    log_odds = math.log(model.chance(PERCENT, values) / (1 - model.chance(PERCENT, values)))
    assert model.line.base + sum(one.contribution for one in reasons) == pytest.approx(log_odds)
    sizes = [abs(one.contribution) for one in reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert {one.feature for one in reasons} == set(FEATURES)
    assert all(words.zh and words.en for words in WORDS.values())


@pytest.mark.parametrize(
    ("at", "lunch", "evening", "weekend"),
    [
        (datetime(2026, 5, 8, 8, 0, tzinfo=UTC), 1.0, 0.0, 0.0),
        (datetime(2026, 5, 8, 7, 59, tzinfo=UTC), 0.0, 0.0, 0.0),
        (datetime(2026, 5, 9, 14, 0, tzinfo=UTC), 0.0, 1.0, 1.0),
        (datetime(2026, 5, 10, 21, 0, tzinfo=UTC), 0.0, 0.0, 0.0),
    ],
)
def test_the_hour_is_the_districts_own(at: datetime, lunch: float, evening: float, weekend: float) -> None:
    assert Hour.of(at, HELSINKI) == Hour(lunch=lunch, evening=evening, weekend=weekend)


def test_every_feature_lies_between_nothing_and_all() -> None:
    hour = Hour(lunch=1.0, evening=0.0, weekend=0.0)
    least = features(
        OfferValue(kind=ValueKind.AMOUNT),
        worth_share=0.0,
        hour=hour,
        dwell=timedelta(0),
        distance_m=5_000.0,
        merchant_visits=0,
        district_visits=0,
    )
    most = features(
        TENTH,
        worth_share=7.0,
        hour=hour,
        dwell=timedelta(hours=3),
        distance_m=0.0,
        merchant_visits=9,
        district_visits=10_000,
    )
    assert len(least) == len(most) == len(FEATURES)
    assert all(0.0 <= one <= 1.0 for one in (*least, *most))
    assert kind_of(TENTH, "paid") == "percent:paid"
