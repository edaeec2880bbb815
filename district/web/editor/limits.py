"""How often, how fast, how much, and how important."""

from collections.abc import Mapping
from typing import Any, Final

from district.web.editor.reading import Reading, plain, shown_money, shown_seconds
from push.limit_document import DEFAULT_TTL, MEMBER_CHANNELS
from push.rule import Priority

CAPS: Final[Mapping[str, str]] = {"campaign": "cap", "merchant": "cap_merchant", "global": "cap_district"}
"""The caps of the rule, and how the fields of each begin."""
STOPS: Final[Mapping[str, str]] = {
    "redemptions": "stop_redemptions",
    "new_customers": "stop_new_customers",
    "harm": "stop_harm",
    "opt_out_pct": "stop_opt_out",
}
"""What ends a campaign by itself, and the field of each."""
Document = Mapping[str, Any]


def channel_field(channel: str) -> str:
    """How the fields of a channel's cap begin."""
    return f"cap_{channel}"


def read(reading: Reading) -> dict[str, Any]:
    """The members of the rule that bound it."""
    fields, rule = reading.fields, dict[str, Any]()
    if cap := _caps(reading):
        rule["cap"] = cap
    reading.came("/rule/cap", "cap_n")
    if fields.one("pace"):
        rule["pace"] = {"per_min": reading.whole("pace")}
    reading.came("/rule/pace", "pace")
    for member in ("per_member", "per_day"):
        if fields.one(member):
            rule[member] = reading.whole(member)
        reading.came(f"/rule/{member}", member)
    if fields.one("ttl"):
        rule["ttl_s"] = reading.seconds("ttl")
    reading.came("/rule/ttl_s", "ttl")
    if fields.one("priority") not in {"", Priority.NORMAL}:
        rule["priority"] = fields.one("priority")
    reading.came("/rule/priority", "priority")
    return rule | _budget(reading) | _holdout(reading) | _stop_when(reading)


def _caps(reading: Reading) -> dict[str, Any]:
    found = {
        member: cap for member, name in CAPS.items() if (cap := _cap(reading, f"/rule/cap/{member}", name))
    }
    channels = {
        one.value: cap
        for one in MEMBER_CHANNELS
        if (cap := _cap(reading, f"/rule/cap/channel/{one.value}", channel_field(one.value)))
    }
    if channels:
        found["channel"] = channels
    if reading.fields.one("gap_min"):
        found["gap_min"] = reading.whole("gap_min")
    reading.came("/rule/cap/gap_min", "gap_min")
    return found


def _cap(reading: Reading, pointer: str, name: str) -> Any:
    reading.came(pointer, f"{name}_n")
    if not reading.fields.one(f"{name}_n"):
        return None
    return {"n": reading.whole(f"{name}_n"), "per": reading.fields.one(f"{name}_per") or "day"}


def _budget(reading: Reading) -> dict[str, Any]:
    found = {}
    for member, name in (("total_minor", "budget"), ("per_day_minor", "budget_day")):
        reading.came(f"/rule/budget/{member}", name)
        if reading.fields.one(name):
            found[member] = reading.money(name)
    reading.came("/rule/budget", "budget")
    return {"budget": found} if found else {}


def _holdout(reading: Reading) -> dict[str, Any]:
    """Nothing for the district's own share."""
    reading.came("/rule/holdout", "holdout")
    if not reading.fields.one("holdout"):
        return {}
    found: dict[str, Any] = {"pct": reading.figure("holdout")}
    if salt := reading.fields.one("salt"):
        found["salt"] = salt
    reading.came("/rule/holdout/salt", "salt")
    return {"holdout": found}


def _stop_when(reading: Reading) -> dict[str, Any]:
    found = dict[str, Any]()
    for member, name in STOPS.items():
        reading.came(f"/rule/stop_when/{member}", name)
        if not reading.fields.one(name):
            continue
        match member:
            case "harm":
                found[member] = True
            case "opt_out_pct":
                found[member] = reading.figure(name)
            case _:
                found[member] = reading.whole(name)
    reading.came("/rule/stop_when", "stop_redemptions")
    return {"stop_when": found} if found else {}


def show(rule: Document, currency: str) -> dict[str, str]:
    """The fields that say these bounds."""
    cap, budget, holdout = rule.get("cap", {}), rule.get("budget", {}), rule.get("holdout", {})
    stop = rule.get("stop_when", {})
    shown = {
        **shown_seconds("ttl", rule.get("ttl_s", DEFAULT_TTL.total_seconds())),
        "gap_min": _figure(cap, "gap_min"),
        "pace": _figure(rule.get("pace", {}), "per_min"),
        "per_member": _figure(rule, "per_member"),
        "per_day": _figure(rule, "per_day"),
        "priority": rule.get("priority", Priority.NORMAL),
        "budget": shown_money(_whole(budget, "total_minor"), currency),
        "budget_day": shown_money(_whole(budget, "per_day_minor"), currency),
        "holdout": _figure(holdout, "pct"),
        "salt": holdout.get("salt", ""),
        **{name: _figure(stop, member) for member, name in STOPS.items() if member != "harm"},
        STOPS["harm"]: "yes" if stop.get("harm") else "",
    }
    for member, name in CAPS.items():
        # What a rule does not say of its own cap is said here: one a day.
        shown |= _shown_cap(
            name, cap.get(member) or ({"n": 1, "per": "day"} if member == "campaign" else None)
        )
    for channel, one in cap.get("channel", {}).items():
        shown |= _shown_cap(channel_field(channel), one)
    return shown


def _shown_cap(name: str, cap: Document | None) -> dict[str, str]:
    if cap is None:
        return {f"{name}_n": "", f"{name}_per": "day"}
    return {f"{name}_n": plain(cap["n"]), f"{name}_per": cap["per"]}


def _figure(document: Document, member: str) -> str:
    return "" if document.get(member) is None else plain(document[member])


def _whole(document: Document, member: str) -> int | None:
    return None if document.get(member) is None else int(document[member])
