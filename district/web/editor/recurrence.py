"""A schedule as a person says it (once, each day, on some weekdays, each month), and its RFC 5545 text."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from district.web.editor.fields import Fields, Row
from district.web.editor.reading import Reading
from district.web.language import gettext as _
from push import occurrences
from push.occurrences import RecurrenceRefused

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
NTHS: Final = ("1", "2", "3", "4", "-1")
_START: Final = re.compile(r"DTSTART(?:;TZID=([A-Za-z0-9_+\-/]{1,64}))?:(\d{8}T\d{6})")
_NTH: Final = re.compile(r"(-?\d)(MO|TU|WE|TH|FR|SA|SU)")
Shown = Mapping[str, str | tuple[str, ...]]


def text_of(reading: Reading, row: Row) -> str:
    """The text of the row's schedule; what cannot be read is noted."""
    if row.one("repeat") == "text":
        return row.one("rrule").replace("\r\n", "\n").replace("\\n", "\n")
    start = _start(reading, row)
    if start is None:
        return ""
    zone = row.one("zone")
    head = f"DTSTART{f';TZID={zone}' if zone else ''}:{start:%Y%m%dT%H%M%S}"
    return f"{head}\nRRULE:{_rule(reading, row, start)}"


def _start(reading: Reading, row: Row) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{row.one('date')}T{row.one('time')}").replace(tzinfo=None)
    except ValueError:
        reading.wrong(row.name("date"), _("Write a date and a time."))
        return None


def _rule(reading: Reading, row: Row, start: datetime) -> str:
    every = "" if row.one("every") in {"", "1"} else f";INTERVAL={reading.whole(row.name('every'))}"
    ends = _ends(reading, row)
    match row.one("repeat"):
        case "weekly":
            return f"FREQ=WEEKLY{every};BYDAY={_days(row, start)}{ends}"
        case "monthly":
            return f"FREQ=MONTHLY{every}{_day_of_month(row, start)}{ends}"
        case "daily":
            return f"FREQ=DAILY{every}{ends}"
        case _once:
            return "FREQ=DAILY;COUNT=1"


def _days(row: Row, start: datetime) -> str:
    ticked = [day for day in WEEKDAYS if day in row.many("days")]
    return ",".join(ticked) or WEEKDAYS[start.weekday()]


def _day_of_month(row: Row, start: datetime) -> str:
    """The same day of each month, or the same weekday of it: the second Friday, the last one."""
    nth = row.one("nth")
    return f";BYDAY={nth}{WEEKDAYS[start.weekday()]}" if nth in NTHS else f";BYMONTHDAY={start.day}"


def _ends(reading: Reading, row: Row) -> str:
    match row.one("stops"):
        case "until":
            try:
                last = datetime.fromisoformat(row.one("until"))
            except ValueError:
                reading.wrong(row.name("until"), _("Write a date."))
                return ""
            return f";UNTIL={last:%Y%m%d}"
        case "count":
            return f";COUNT={reading.whole(row.name('count'))}"
        case _never:
            return ""


def show(text: str) -> Shown:
    """The fields of a row that say the same schedule; the text itself where only that can."""
    found = _friendly(text)
    if found is not None and _says_the_same(found, text):
        return found
    return {"repeat": "text", "rrule": text}


def _says_the_same(shown: Shown, text: str) -> bool:
    """Written again, it is the same schedule."""
    values = {f"t-0-{name}": (one,) if isinstance(one, str) else one for name, one in shown.items()}
    fields = Fields(values)
    reading = Reading(fields=fields, zone=ZoneInfo("UTC"), currency="EUR")
    try:
        again = occurrences.read(text_of(reading, Row(kind="t", key="0", fields=fields)))
        return not reading.errors and again == occurrences.read(text)
    except RecurrenceRefused:
        return False


def _friendly(text: str) -> dict[str, str | tuple[str, ...]] | None:
    lines = text.upper().replace("\r\n", "\n").strip().split("\n") if text.isascii() else []
    original = text.strip().split("\n")[0].strip()
    start = _START.fullmatch(original)
    if len(lines) != 2 or start is None:
        return None
    parts = dict(part.partition("=")[::2] for part in lines[1].strip().removeprefix("RRULE:").split(";"))
    first = start[2]
    shown: dict[str, str | tuple[str, ...]] = {
        "zone": start[1] or "",
        "date": f"{first[:4]}-{first[4:6]}-{first[6:8]}",
        "time": f"{first[9:11]}:{first[11:13]}" + ("" if first[13:] == "00" else f":{first[13:]}"),
        "every": parts.get("INTERVAL", "1"),
        **_shown_end(parts),
    }
    if parts.get("FREQ") == "DAILY" and parts.get("COUNT") == "1":
        return {**shown, "repeat": "once", "every": "1"}
    return {**shown, **_shown_days(parts)}


def _shown_end(parts: Mapping[str, str]) -> dict[str, str]:
    if until := parts.get("UNTIL"):
        return {"stops": "until", "until": f"{until[:4]}-{until[4:6]}-{until[6:8]}"}
    return {"stops": "count", "count": parts["COUNT"]} if "COUNT" in parts else {"stops": "never"}


def _shown_days(parts: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    by_day = parts.get("BYDAY", "")
    match parts.get("FREQ"):
        case "WEEKLY":
            return {"repeat": "weekly", "days": tuple(by_day.split(",")) if by_day else ()}
        case "MONTHLY":
            nth = _NTH.fullmatch(by_day)
            return {"repeat": "monthly", "nth": nth[1] if nth else ""}
        case _:
            return {"repeat": "daily"}
