"""The form of a property's campaign: what was typed, the body that the interface takes, and the form of a stored one."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from district.campaigns.schemas import CampaignOut
from district.districts.service import DistrictInfo
from district.web.operator_forms import Sent, local_time, scaled

Document = dict[str, Any]
FENCE_TRIGGERS = ("fence.enter", "fence.dwell")
WORTHS = ("percent", "amount", "gift", "none")
EMPTY = Sent(
    values={
        "trigger": ("fence.enter",),
        "dwell_min": ("3",),
        "audience": ("everyone",),
        "cap_n": ("1",),
        "cap_per": ("day",),
        "ttl_min": ("120",),
        "value": ("percent",),
        "percent": ("20",),
    }
)


def body_of(sent: Sent, district: DistrictInfo) -> Document:
    """The body that the interface would take of the same campaign."""
    return {
        "name": sent.one("name"),
        "store_ids": sent.all("store_ids"),
        "rule": _rule(sent, district),
        "offer": _offer(sent, district),
        "stock": sent.one("stock") or None,
        "starts_at": local_time(sent.one("starts_at"), district.zone),
        "ends_at": local_time(sent.one("ends_at"), district.zone),
    }


def _rule(sent: Sent, district: DistrictInfo) -> Document:
    trigger: Document = {"on": sent.one("trigger")}
    if trigger["on"] == "fence.dwell":
        trigger["min_s"] = scaled(sent.one("dwell_min"), 60)
    rule: Document = {
        "v": 1,
        "trigger": {"any": [trigger]},
        "who": _who(sent.one("audience")),
        "cap": {"campaign": {"n": _whole(sent.one("cap_n")), "per": sent.one("cap_per")}},
        "ttl_s": scaled(sent.one("ttl_min"), 60),
    }
    if sent.one("within"):
        rule["where"] = {"within": _shape(sent.one("within"))}
    elif trigger["on"] in FENCE_TRIGGERS:
        rule["where"] = {}
    if sent.one("opening_hours"):
        rule["when"] = {"tz": "district", "opening_hours": sent.one("opening_hours")}
    if sent.one("budget"):
        rule["budget"] = {"total_minor": _minor(sent.one("budget"), district)}
    return rule


def _offer(sent: Sent, district: DistrictInfo) -> Document:
    value: Document = {"type": sent.one("value")}
    if value["type"] == "percent":
        value["percent"] = _whole(sent.one("percent"))
    elif value["type"] == "amount":
        value["minor_units"] = _minor(sent.one("amount"), district)
    if value["type"] in {"percent", "amount"} and sent.one("min_spend"):
        value["min_spend_minor"] = _minor(sent.one("min_spend"), district)
    return {
        "kind": "coupon",
        "value": value,
        "title": _words(sent, "title"),
        "text": _words(sent, "text"),
    }


def filled(campaign: CampaignOut, district: DistrictInfo) -> Sent | None:
    """The form of what was written last; None where it says more than the form can."""
    written = campaign.pending or campaign
    values = {
        "name": written.name,
        "stock": "" if campaign.stock is None else str(campaign.stock),
        "starts_at": _local(written.starts_at, district.zone),
        "ends_at": _local(written.ends_at, district.zone),
        "version": str(campaign.version),
        **_of_rule(written.rule, district),
        **_of_offer(written.offer, district),
    }
    sent = Sent(
        values={name: (text,) for name, text in values.items()}
        | {"store_ids": tuple(str(one) for one in written.store_ids)}
    )
    again = body_of(sent, district)
    is_whole = again["rule"] == written.rule and again["offer"] == written.offer
    return sent if is_whole else None


def _of_rule(rule: Mapping[str, Any], district: DistrictInfo) -> dict[str, str]:
    trigger = rule["trigger"]["any"][0]
    cap = rule.get("cap", {}).get("campaign", {})
    within = rule.get("where", {}).get("within")
    return {
        "trigger": trigger["on"],
        "dwell_min": f"{trigger.get('min_s', 180) / 60:g}",
        "audience": _audience(rule.get("who", "everyone")),
        "cap_n": str(cap.get("n", 1)),
        "cap_per": str(cap.get("per", "day")),
        "ttl_min": f"{rule.get('ttl_s', 7200) / 60:g}",
        "within": json.dumps(within) if within else "",
        "opening_hours": rule.get("when", {}).get("opening_hours", ""),
        "budget": _major(rule.get("budget", {}).get("total_minor"), district),
    }


def _of_offer(offer: Mapping[str, Any], district: DistrictInfo) -> dict[str, str]:
    value = offer.get("value", {"type": "none"})
    return {
        "value": value["type"],
        "percent": str(value.get("percent", "")),
        "amount": _major(value.get("minor_units"), district),
        "min_spend": _major(value.get("min_spend_minor"), district),
        **{
            f"{part}_{language}": offer[part].get(language, "")
            for part in ("title", "text")
            for language in ("zh", "en")
        },
    }


def named_set(kind: str, name: str) -> str:
    """How the form names a segment, tag or list as the audience."""
    return f"{kind}:{name}"


def _who(typed: str) -> Any:
    kind, _colon, name = typed.partition(":")
    match kind:
        case "seg" if name:
            return {"seg": name}
        case "tag" | "list" if name:
            return {"attr": kind, "value": name}
        case _:
            return typed


def _audience(who: Any) -> str:
    """What the form would have sent for it; nothing that makes it again where it cannot say so much."""
    match who:
        case {"seg": str(name)}:
            return named_set("seg", name)
        case {"attr": "tag" | "list" as kind, "value": str(name)}:
            return named_set(kind, name)
        case _:
            return str(who)


def _shape(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _minor(text: str, district: DistrictInfo) -> int | str | None:
    return scaled(text, 10 ** get_currency_precision(district.currency))


def _major(minor: int | None, district: DistrictInfo) -> str:
    digits = get_currency_precision(district.currency)
    return "" if minor is None else f"{minor / 10**digits:.{digits}f}"


def _words(sent: Sent, name: str) -> dict[str, str]:
    return {one: sent.one(f"{name}_{one}") for one in ("zh", "en") if sent.one(f"{name}_{one}")}


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
