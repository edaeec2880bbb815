"""Hours in which offers may go out: ticked days with one span, a week's grid, or opening_hours syntax."""

import re
from collections.abc import Mapping
from typing import Final

from district.web.editor.fields import Fields
from district.web.editor.reading import Reading
from district.web.language import gettext as _
from district.web.merchant_hours import DAYS, ticked, written

SPANS: Final = 2
"""How many spans of hours a day of the grid has."""
PRESETS: Final[Mapping[str, tuple[tuple[str, ...], str, str]]] = {
    "lunch": (DAYS[:5], "11:00", "14:00"),
    "afternoon": (DAYS[:5], "14:00", "17:00"),
    "dinner": (DAYS, "17:00", "21:00"),
    "weekend": (DAYS[5:], "10:00", "20:00"),
}
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_DAY_RULE: Final = re.compile(r"(Mo|Tu|We|Th|Fr|Sa|Su) (\d\d:\d\d-\d\d:\d\d(?:,\d\d:\d\d-\d\d:\d\d)?)")


def read_hours(reading: Reading) -> str | None:
    """The opening_hours text, or None for any hour."""
    match reading.fields.one("hours"):
        case "any" | "":
            return None
        case "text":
            return _as_text(reading)
        case "grid":
            return _grid(reading)
        case _chips:
            return _as_before(reading, _chips_text(reading))


def show_hours(text: str | None) -> dict[str, str | tuple[str, ...]]:
    """The fields that say this text, in the simplest way that can say it."""
    if not text:
        return {"hours": "any"}
    simple = ticked(text)
    if simple is not None and all(_TIME.fullmatch(one) for one in simple[1:]):
        return {
            "hours": "chips",
            "days": simple[0],
            "opens": simple[1],
            "closes": simple[2],
            "hours_was": text,
        }
    grid = _of_text(text)
    return {"hours": "text", "opening_hours": text} if grid is None else {"hours": "grid", **grid}


def preset(fields: Fields, name: str) -> Fields:
    """The form with the usual hours of a name."""
    if name not in PRESETS:
        return fields
    days, opens, closes = PRESETS[name]
    return fields.merged({"hours": "chips", "days": days, "opens": opens, "closes": closes})


def _as_text(reading: Reading) -> str:
    text = reading.fields.one("opening_hours")
    if not text:
        reading.wrong("opening_hours", _("Write the hours, such as Mo-Fr 11:00-14:00."))
    return text


def _chips_text(reading: Reading) -> str:
    fields = reading.fields
    days, opens, closes = fields.many("days"), fields.one("opens"), fields.one("closes")
    if not any(day in DAYS for day in days):
        reading.wrong("opening_hours", _("Tick at least one day."))
    if not (_TIME.fullmatch(opens) and _TIME.fullmatch(closes)) or opens == closes:
        reading.wrong("opening_hours", _("Give a start and an end that differ."))
    return written(days, opens, closes)


def _as_before(reading: Reading, text: str) -> str:
    """The spelling that the campaign had, while it says the same days and hours."""
    was = reading.fields.one("hours_was")
    simple = ticked(was)
    return was if simple is not None and written(*simple) == text else text


def _grid(reading: Reading) -> str:
    rules = []
    for day in DAYS:
        spans = [span for number in range(SPANS) if (span := _span(reading, day, number))]
        if spans:
            rules.append(f"{day} {','.join(spans)}")
    if not rules:
        reading.wrong("opening_hours", _("Give hours for at least one day."))
    return "; ".join(rules)


def grid_name(day: str, number: int, end: str) -> str:
    """What a field of the grid is called."""
    return f"grid-{day.lower()}{number}-{end}"


def _span(reading: Reading, day: str, number: int) -> str:
    opens, closes = (reading.fields.one(grid_name(day, number, end)) for end in ("from", "until"))
    if not opens and not closes:
        return ""
    if not (opens and closes) or opens == closes:
        reading.wrong("opening_hours", _("Give a start and an end that differ."))
    return f"{opens}-{closes}"


def _of_text(text: str) -> dict[str, str | tuple[str, ...]] | None:
    """The grid that would be written as exactly this text."""
    fields: dict[str, str | tuple[str, ...]] = {}
    days = []
    for rule in text.split("; "):
        found = _DAY_RULE.fullmatch(rule)
        if found is None:
            return None
        days.append(found[1])
        for number, span in enumerate(found[2].split(",")):
            opens, closes = span.split("-")
            if not (_TIME.fullmatch(opens) and _TIME.fullmatch(closes)):
                return None
            fields |= {
                grid_name(found[1], number, "from"): opens,
                grid_name(found[1], number, "until"): closes,
            }
    return fields if days == sorted(set(days), key=DAYS.index) else None
