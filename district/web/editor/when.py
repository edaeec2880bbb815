"""When offers may go out: hours, days that are left out, and dates."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from district.web.editor.hours import read_hours, show_hours
from district.web.editor.reading import Reading, moment_fields
from push.rule import HolidayRule

POINTER: Final = "/rule/when"
MOST_DAYS: Final = 100


def read(reading: Reading) -> dict[str, Any]:
    """``when`` of the rule; empty when any time will do."""
    fields = reading.fields
    when: dict[str, Any] = {}
    if hours := read_hours(reading):
        when |= {"opening_hours": hours, "tz": "district"}
    if fields.one("store_open"):
        when |= {"and_store_open": True, "tz": "district"}
    if days := [day for day in fields.many("blackout") if day][:MOST_DAYS]:
        when["blackout"] = days
    if (holidays := fields.one("holidays")) and holidays != HolidayRule.ANY:
        when["public_holidays"] = holidays
    for member, name in (("starts_at", "rule_from"), ("ends_at", "rule_until")):
        if moment := reading.moment(name):
            when[member] = moment
        reading.came(f"{POINTER}/{member}", name)
    reading.came(POINTER, "opening_hours")
    reading.came(f"{POINTER}/blackout", "blackout")
    reading.came(f"{POINTER}/public_holidays", "holidays")
    return when


def show(when: dict[str, Any], zone: ZoneInfo) -> dict[str, str | tuple[str, ...]]:
    """The fields that say this ``when``."""
    return {
        **show_hours(when.get("opening_hours")),
        "store_open": "yes" if when.get("and_store_open") else "",
        "blackout": tuple(when.get("blackout", ())),
        "holidays": when.get("public_holidays", HolidayRule.ANY),
        **moment_fields("rule_from", when.get("starts_at"), zone),
        **moment_fields("rule_until", when.get("ends_at"), zone),
    }
