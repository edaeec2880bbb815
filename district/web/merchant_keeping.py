"""What a campaign says beyond the console's form: kept when the form is saved, and never edited where it cannot be shown."""

from collections.abc import Mapping
from typing import Any, Final

from district.campaigns.schemas import CampaignOut, NewCampaign
from push.offer import OfferKind
from push.rule import TriggerKind

_TRIGGERS: Final = frozenset({TriggerKind.ENTER, TriggerKind.DWELL})
_KINDS: Final = frozenset({OfferKind.COUPON, OfferKind.MESSAGE})
_WORTHS: Final = frozenset({"amount", "percent", "gift", "none"})
_OF_THE_FORM: Final = frozenset({"opening_hours", "and_store_open", "tz"})
Document = Mapping[str, Any]


def is_sayable(written: CampaignOut) -> bool:
    """Whether the form can show its trigger, its fence and its kind; the rest it keeps without showing it."""
    triggers = written.rule["trigger"]["any"]
    value = written.offer.get("value", {"type": "none"})
    return (
        len(triggers) == 1
        and triggers[0]["on"] in _TRIGGERS
        and "within" in written.rule.get("where", {})
        and written.offer["kind"] in _KINDS
        and value["type"] in _WORTHS
    )


def kept(written: CampaignOut, new: NewCampaign) -> NewCampaign:
    """What the form says, with whatever else the campaign said before."""
    return new.model_copy(
        update={"rule": _rule(written.rule, new.rule), "offer": _offer(written.offer, new.offer)}
    )


def _rule(before: Document, now: Document) -> dict[str, Any]:
    rule = {**before, **now}
    rule["trigger"] = {"any": [{**_extras(before["trigger"]["any"][0]), **now["trigger"]["any"][0]}]}
    rule["where"] = {**before.get("where", {}), **now["where"]}
    rule["cap"] = {**before.get("cap", {}), **now["cap"]}
    rule["when"] = {
        **{name: part for name, part in before.get("when", {}).items() if name not in _OF_THE_FORM},
        **now.get("when", {}),
    }
    if not rule["when"]:
        del rule["when"]
    if not now["who"]:
        rule["who"] = before.get("who", "everyone")
    return rule


def _extras(trigger: Document) -> dict[str, Any]:
    return {name: part for name, part in trigger.items() if name not in {"on", "min_s"}}


def _offer(before: Document, now: Document) -> dict[str, Any]:
    """Bounds of a worth stay while it is of the same type; what hangs on the kind stays with the kind."""
    if before["kind"] != now["kind"]:
        return dict(now)
    value = now["value"]
    if before.get("value", {}).get("type") == value["type"]:
        value = {**before["value"], **value}
    return {**before, **now, "value": value}
