"""What brings the offer: a list of triggers, any of which is enough."""

from collections.abc import Mapping
from typing import Any, Final

from district.web.editor import recurrence
from district.web.editor.fields import Fields, Row
from district.web.editor.reading import Reading, plain, shown_seconds
from district.web.language import gettext as _
from push.occurrences import Fold, Gap
from push.rule import JoinKind, TriggerKind

POINTER: Final = "/rule/trigger/any"
KIND: Final = "trigger"
NEW: Final[Mapping[str, str | tuple[str, ...]]] = {
    "on": TriggerKind.ENTER,
    "min": "2",
    "min_unit": "min",
    "join": JoinKind.ANY,
    "n": "5",
    "days_away": "30",
    "repeat": "weekly",
    "time": "10:00",
    "every": "1",
    "stops": "never",
    "gap": Gap.SHIFT,
    "fold": Fold.FIRST,
    "cool_down_unit": "h",
}
"""What a new row says."""
_FIELD_OF: Final = {
    "min_s": "min",
    "cool_down_s": "cool_down",
    "days": "days_away",
    "n": "n",
    "return": "join",
}


def read(reading: Reading) -> dict[str, Any]:
    """``trigger`` of the rule."""
    rows = reading.fields.kept_rows(KIND)
    if not rows:
        reading.wrong("add-trigger", _("Say what brings the offer."))
    reading.came("/rule/trigger", "add-trigger")
    return {"any": [_trigger(reading, row, f"{POINTER}/{number}") for number, row in enumerate(rows)]}


def _trigger(reading: Reading, row: Row, pointer: str) -> dict[str, Any]:
    on = row.one("on")
    trigger: dict[str, Any] = {"on": on, **_told(reading, row, on)}
    if row.one("cool_down"):
        trigger["cool_down_s"] = reading.seconds(row.name("cool_down"))
    reading.came(pointer, row.name("on"))
    reading.came(f"{pointer}/rrule", row.name("rrule" if row.one("repeat") == "text" else "date"))
    for member, name in _FIELD_OF.items():
        reading.came(f"{pointer}/{member}", row.name(name))
    return trigger


def _told(reading: Reading, row: Row, on: str) -> dict[str, Any]:
    """What belongs to this kind alone."""
    match on:
        case TriggerKind.DWELL:
            return {"min_s": reading.seconds(row.name("min"))}
        case TriggerKind.WIFI_JOIN:
            join = row.one("join")
            return {join: True} if join in {JoinKind.FIRST, JoinKind.RETURN} else {}
        case TriggerKind.SCHEDULE:
            return {"rrule": recurrence.text_of(reading, row), **_clock_changes(row)}
        case TriggerKind.VISITS:
            return {"n": reading.whole(row.name("n"))}
        case TriggerKind.LAPSED:
            return {"days": reading.whole(row.name("days_away"))}
        case _:
            return {}


def _clock_changes(row: Row) -> dict[str, Any]:
    declared = {name: row.one(name) for name in ("gap", "fold") if row.one(name)}
    return {"dst": declared} if declared else {}


def show(trigger: Mapping[str, Any]) -> Fields:
    """The rows of these triggers."""
    fields = Fields()
    for number, document in enumerate(trigger["any"]):
        fields = fields.added(KIND, {**NEW, **_row(document)}, key=str(number))
    return fields


def _row(document: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    row: dict[str, str | tuple[str, ...]] = {"on": document["on"]}
    if "min_s" in document:
        row |= shown_seconds("min", document["min_s"])
    if "cool_down_s" in document:
        row |= shown_seconds("cool_down", document["cool_down_s"])
    for member, name in (("n", "n"), ("days", "days_away")):
        if member in document:
            row[name] = plain(document[member])
    row["join"] = next((one for one in (JoinKind.FIRST, JoinKind.RETURN) if one in document), JoinKind.ANY)
    if "rrule" in document:
        dst = document.get("dst", {})
        row |= {"gap": dst.get("gap", Gap.SHIFT), "fold": dst.get("fold", Fold.FIRST)}
        row |= recurrence.show(document["rrule"])
    return row
