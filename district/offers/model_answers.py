"""The model of who redeems, as operators read it."""

from district.offers.arbitration_models import RedeemModel as Row
from district.offers.policy_schemas import ModelAnswer, Prior, ReliabilityAnswer, Weight
from push.offer import ValueKind
from push.redeem_model import FEATURES, WORDS, ModelUnreadable, RedeemModel
from push.rule import Priority


def of(row: Row | None) -> ModelAnswer:
    """What decisions use: of a row that this version cannot read, and without one, the prior."""
    model = RedeemModel(version=row.version if row else 0)
    if row is not None:
        try:
            model = RedeemModel.of_document(row.document, version=row.version)
        except ModelUnreadable:
            row = None
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


def _weights(model: RedeemModel) -> list[Weight]:
    """The weightiest first."""
    if model.line is None:
        return []
    found = [
        Weight(
            feature=name,
            words={"zh": WORDS[name].zh or "", "en": WORDS[name].en or ""},
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
