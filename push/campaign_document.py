"""The JSON document of a campaign: its schema, and the strict parser of its rule.

The vocabulary is closed. Whatever is not in it is refused by name, so a later version can give it a meaning
without changing what an accepted document says today.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from push.audience_document import parse_who
from push.audience_terms import Familiarity
from push.audience_vocabulary import DEFINITIONS
from push.campaign_vocabulary import RULE
from push.limit_document import (
    DEFAULT_TTL,
    parse_budget,
    parse_caps,
    parse_holdout,
    parse_stop_when,
    whole,
)
from push.offer_vocabulary import OFFER
from push.place_document import parse_where
from push.problems import DocumentRefused, Reason, Report
from push.rule import PLACELESS_TRIGGERS, CampaignRule, Priority
from push.time_document import parse_when
from push.trigger_document import parse_triggers
from push.vocabulary import JsonSchema
from push.wording import both

# JSON, after its shape was checked: the one place where its members have no static type.
Document: TypeAlias = Mapping[str, Any]

_NOWHERE = both(
    zh="该触发条件不知道会员在哪里；请加上 where.or_visited，或去掉地点",
    en="this trigger does not know where a member is; add where.or_visited, or name no place",
)


def schema() -> JsonSchema:
    """JSON Schema 2020-12 of what parse_rule and push.offer_document.parse_offer take.

    It states the shape. That hours and schedules can be read, that a day is in the calendar, that a polygon
    is simple, that a name can be seen and that parts do not contradict each other, only the parser can say.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Campaign",
        "type": "object",
        "required": ["rule", "offer"],
        "properties": {"rule": {"$ref": "#/$defs/rule"}, "offer": {"$ref": "#/$defs/offer"}},
        "$defs": {"rule": RULE.schema(), "offer": OFFER.schema(), **DEFINITIONS},
    }


def parse_rule(document: object, *, pointer: str = "/rule") -> CampaignRule:
    """The rule that the document states; pointer is where it stands in the request.

    Raises: DocumentRefused, with every problem found (at most 20).
    """
    report = Report(pointer=pointer)
    RULE.check(document, report)
    _stop_if_refused(report)
    assert isinstance(document, Mapping)  # noqa: S101  RULE says so; this tells the type checker
    rule = CampaignRule(
        triggers=parse_triggers(document["trigger"], report.at("trigger")),
        where=parse_where(document.get("where"), report.at("where")),
        when=parse_when(document.get("when", {}), report.at("when")),
        audience=parse_who(document.get("who", Familiarity.EVERYONE), report.at("who")),
        caps=parse_caps(document.get("cap")),
        ttl=timedelta(seconds=int(document.get("ttl_s", DEFAULT_TTL.total_seconds()))),
        priority=Priority(document.get("priority", Priority.NORMAL)),
        holdout=parse_holdout(document.get("holdout")),
        budget=parse_budget(document.get("budget"), report.at("budget")),
        per_minute=whole(document.get("pace", {}), "per_min"),
        per_member=whole(document, "per_member"),
        per_day=whole(document, "per_day"),
        stop_when=parse_stop_when(document.get("stop_when")),
    )
    _check_places(rule, report)
    _stop_if_refused(report)
    return rule


def _check_places(rule: CampaignRule, report: Report) -> None:
    """A trigger that knows no place can never hold within one."""
    if not rule.where.has_ground or rule.where.or_visited is not None:
        return
    for number, trigger in enumerate(rule.triggers):
        if trigger.on in PLACELESS_TRIGGERS:
            report.at("trigger").at("any").at(number).add(Reason.CONTRADICTION, _NOWHERE)


def _stop_if_refused(report: Report) -> None:
    if report.problems:
        raise DocumentRefused(tuple(report.problems))
