"""The words of the `rule` half of a campaign's document; each part stands with its parser, this puts them together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from push.audience_vocabulary import WHO
from push.limit_document import LIMITS
from push.place_document import WHERE
from push.problems import Reason, Report
from push.rule import FENCE_TRIGGERS
from push.time_document import WHEN
from push.trigger_document import TRIGGER
from push.vocabulary import Figures, JsonSchema, Record

_GROUNDS = ("within", "near_my_stores_m")


@dataclass(frozen=True, slots=True)
class Grounded:
    """A record whose `where` names a ground as soon as one of its triggers is a crossing of a fence."""

    record: Record

    def schema(self) -> JsonSchema:
        is_fenced = {"properties": {"on": {"enum": sorted(FENCE_TRIGGERS)}}, "required": ["on"]}
        has_ground = {"anyOf": [{"required": [name]} for name in _GROUNDS]}
        return {
            **self.record.schema(),
            "if": {"properties": {"trigger": {"properties": {"any": {"contains": is_fenced}}}}},
            "then": {"required": ["where"], "properties": {"where": has_ground}},
        }

    def check(self, value: object, report: Report) -> None:
        self.record.check(value, report)
        if not isinstance(value, Mapping) or not _has_fence(value.get("trigger")):
            return
        where = value.get("where")
        if where is None and "where" not in value:
            report.at("where").add(Reason.MISSING)
        elif isinstance(where, Mapping) and not any(name in where for name in _GROUNDS):
            report.at("where").at("within").add(Reason.MISSING)


def _has_fence(trigger: object) -> bool:
    every = trigger.get("any") if isinstance(trigger, Mapping) else None
    if not isinstance(every, list):
        return False
    return any(isinstance(one, Mapping) and one.get("on") in tuple(FENCE_TRIGGERS) for one in every)


RULE: Final = Grounded(
    Record(
        required={"v": Figures((1,)), "trigger": TRIGGER},
        optional={"when": WHEN, "where": WHERE, "who": WHO, **LIMITS},
    )
)
