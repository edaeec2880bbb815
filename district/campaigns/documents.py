"""The rule and the offer of a request: checked by push, named part by part when refused, cleaned for storing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from district.campaigns import fence as fences
from district.problems import Invalid
from geo.datum import Datum
from push.audience import Audience
from push.campaign_document import parse_rule
from push.offer import OfferContent
from push.offer_document import budget_problems, parse_offer, write_offer
from push.problems import DocumentRefused, Problem
from push.rule import CampaignRule


@dataclass(frozen=True, kw_only=True)
class Documents:
    """A rule and an offer as they are stored: in WGS-84 and cleaned."""

    rule: Mapping[str, Any]
    offer: Mapping[str, Any]
    parsed: CampaignRule


def check(rule: Mapping[str, Any], offer: Mapping[str, Any], datum: Datum) -> Documents:
    """Both documents, or one refusal that names every problem of both."""
    problems: list[Problem] = []
    parsed_rule: CampaignRule | None = None
    parsed_offer: OfferContent | None = None
    try:
        parsed_rule = parse_rule(rule)
    except DocumentRefused as refused:
        problems += refused.problems
    try:
        parsed_offer = parse_offer(offer)
    except DocumentRefused as refused:
        problems += refused.problems
    if parsed_rule is not None and parsed_rule.budget is not None and parsed_offer is not None:
        problems += budget_problems(parsed_offer)
    if problems or parsed_rule is None or parsed_offer is None:
        raise Invalid(
            "The campaign asks for what is not supported.", errors=[_error(one) for one in problems]
        )
    stored = _stored_rule(rule, parsed_rule, datum)
    return Documents(rule=stored, offer=write_offer(parsed_offer), parsed=parse_rule(stored))


def audience(rule: Mapping[str, Any]) -> Audience:
    """Whom a rule that was checked is for."""
    return parse_rule(rule).audience


def _error(problem: Problem) -> dict[str, Any]:
    return {
        "pointer": problem.pointer,
        "reason": problem.reason.value,
        "detail": problem.detail.en,
        "detail_zh": problem.detail.zh,
    }


def _stored_rule(rule: Mapping[str, Any], parsed: CampaignRule, datum: Datum) -> dict[str, Any]:
    """The rule as given, but in WGS-84 and without characters that the database does not take."""
    stored = {key: _with_integers(value) for key, value in rule.items()}
    if "where" in rule:
        stored["where"] = fences.stored(stored["where"], datum)
    if parsed.when.opening_hours is not None:
        stored["when"] = {**stored["when"], "opening_hours": parsed.when.opening_hours}
    return stored


def _with_integers(value: object) -> Any:
    """JSON in which 2.0 is written 2, as everybody may read it who asks for an integer."""
    if isinstance(value, Mapping):
        return {key: _with_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
