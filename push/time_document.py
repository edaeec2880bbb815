"""`when` of a campaign's document: its vocabulary and what it says."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from geo.hours import Hours
from push.problems import Reason, Report
from push.rule import HolidayRule, When
from push.vocabulary import Flag, ListOf, Record, Spelt, Text, Words
from push.wording import both, clean

Document: TypeAlias = Mapping[str, Any]

MAX_BLACKOUT = 100
_HOURS_EXAMPLE = "Mo-Fr 11:00-13:30"
_DATE = Spelt("[0-9]{4}-[0-9]{2}-[0-9]{2}", "2026-12-24", 10)
_MOMENT = Spelt(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
    "2026-12-01T09:00:00+08:00",
    32,
)
WHEN = Record(
    optional={
        "opening_hours": Text(500),
        "tz": Words(("district",)),
        "and_store_open": Flag(),
        "blackout": ListOf(_DATE, 1, MAX_BLACKOUT),
        "public_holidays": Words(tuple(HolidayRule)),
        "starts_at": _MOMENT,
        "ends_at": _MOMENT,
    }
)
_ENDS_FIRST = both(zh="结束时间须晚于开始时间", en="it must be after starts_at")
# Whether hours can be read does not depend on where.
_ANY_ZONE = ZoneInfo("UTC")


def parse_when(document: Document, report: Report) -> When:
    """When the offer holds; the document has the shape WHEN."""
    hours = clean(document["opening_hours"]) if "opening_hours" in document else None
    if hours is not None and not Hours.read(hours, zone=_ANY_ZONE).is_known:
        report.at("opening_hours").add(Reason.OPENING_HOURS, _HOURS_EXAMPLE)
    starts_at, ends_at = (_moment(document, name, report.at(name)) for name in ("starts_at", "ends_at"))
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        report.at("ends_at").add(Reason.CONTRADICTION, _ENDS_FIRST)
    return When(
        opening_hours=hours,
        and_store_open=document.get("and_store_open", False),
        blackout=_days(document.get("blackout", ()), report.at("blackout")),
        public_holidays=HolidayRule(document.get("public_holidays", HolidayRule.ANY)),
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _days(documents: list[str], report: Report) -> frozenset[date]:
    found = set()
    for number, text in enumerate(documents):
        try:
            found.add(date.fromisoformat(text))
        except ValueError:
            report.at(number).add(Reason.DATE, _DATE.example)
    return frozenset(found)


def _moment(document: Document, name: str, report: Report) -> datetime | None:
    if name not in document:
        return None
    try:
        return datetime.fromisoformat(document[name]).astimezone(UTC)
    except (ValueError, OverflowError):
        report.add(Reason.DATE, _MOMENT.example)
        return None
