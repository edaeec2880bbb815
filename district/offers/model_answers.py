"""The model of who redeems, as operators read it."""

from district.offers.arbitration_models import Exposure
from district.offers.arbitration_models import RedeemModel as Row
from district.offers.policy_schemas import (
    ModelAnswer,
    Prior,
    ReasonAnswer,
    ReasonsAnswer,
    ReliabilityAnswer,
    Weight,
)
from push.offer import ValueKind
from push.redeem_model import FEATURES, WORDS, ModelUnreadable, RedeemModel
from push.rule import Priority
from push.wording import Localised


def of(row: Row | None) -> ModelAnswer:
    """What decisions use: of a row that this version cannot read, and without one, the prior."""
    model = _model(row)
    return ModelAnswer(
        version=model.version,
        is_prior=model.line is None,
        fitted_at=row.fitted_at if row else None,
        until=row.until if row else None,
        rows=row.rows if row else 0,
        redeemed=row.redeemed if row else 0,
        weights=_weights(model),
        priors=_priors(model),
        reliability=ReliabilityAnswer(**row.reliability) if row and row.reliability else None,
    )


def reasons(exposure: Exposure, row: Row | None) -> ReasonsAnswer:
    """Why an offer was chosen, by the model of that time; without one that can still be read, no reasons."""
    if exposure.offer_id is None:
        raise ValueError("Who was held out got no offer.")
    model = _model(row)
    values = tuple(exposure.features)
    told = model.reasons(values) if len(values) == len(FEATURES) else ()
    return ReasonsAnswer(
        offer_id=exposure.offer_id,
        campaign_id=exposure.campaign_id,
        at=exposure.at,
        kind=exposure.kind,
        score_minor=exposure.score_minor,
        chance=exposure.chance,
        model_version=exposure.model_version,
        is_prior=not told,
        reasons=[
            ReasonAnswer(feature=one.feature, words=_both(one.words), contribution=one.contribution)
            for one in told
        ],
    )


def _model(row: Row | None) -> RedeemModel:
    if row is None:
        return RedeemModel()
    try:
        return RedeemModel.of_document(row.document, version=row.version)
    except ModelUnreadable:
        return RedeemModel(version=row.version)


def _both(words: Localised) -> dict[str, str]:
    return {"zh": words.zh or "", "en": words.en or ""}


def _weights(model: RedeemModel) -> list[Weight]:
    """The weightiest first."""
    if model.line is None:
        return []
    found = [
        Weight(
            feature=name,
            words=_both(WORDS[name]),
            mean=mean,
            weight=weight,
        )
        for name, mean, weight in zip(FEATURES, model.line.means, model.line.weights, strict=True)
    ]
    return sorted(found, key=lambda one: -abs(one.weight))


def _priors(model: RedeemModel) -> list[Prior]:
    kinds = dict.fromkeys([*model.past, *(f"{kind}:{Priority.NORMAL}" for kind in ValueKind)])
    return [
        Prior(
            kind=kind,
            issued=model.past[kind].issued if kind in model.past else 0,
            redeemed=model.past[kind].redeemed if kind in model.past else 0,
            chance=model.prior(kind),
        )
        for kind in kinds
    ]
