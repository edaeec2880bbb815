"""The text of a schedule, as RFC 5545 writes it: a closed part of the language, each part with its bounds."""

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, weekday

from push.errors import PushError
from push.recurrence import Frequency, Narrowing, Recurrence
from push.wording import Localised, both

MAX_TEXT = 500
MAX_COUNT = 366
MAX_TIMES_A_DAY = 24
FIRST_YEAR, LAST_YEAR = 2000, 2100
_FREQUENCIES: Mapping[str, Frequency] = MappingProxyType(
    {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_START = re.compile(r"DTSTART(?:;TZID=([A-Za-z0-9_+\-/]{1,64}))?:([0-9]{8}T[0-9]{6})(Z?)")
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,4}")
# What each frequency may be narrowed by.
_PARTS = MappingProxyType(
    {
        DAILY: frozenset({"BYMONTH", "BYDAY"}),
        WEEKLY: frozenset({"BYMONTH", "BYDAY"}),
        MONTHLY: frozenset({"BYMONTH", "BYDAY", "BYMONTHDAY", "BYSETPOS"}),
        YEARLY: frozenset({"BYMONTH", "BYDAY", "BYMONTHDAY", "BYSETPOS", "BYYEARDAY", "BYWEEKNO"}),
    }
)
_ALWAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYHOUR", "BYMINUTE"})
_BOUNDS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "BYMONTH": (1, 12),
        "BYMONTHDAY": (-31, 31),
        "BYYEARDAY": (-366, 366),
        "BYWEEKNO": (-53, 53),
        "BYSETPOS": (-366, 366),
        "BYHOUR": (0, 23),
        "BYMINUTE": (0, 59),
    }
)
_KEYWORDS = MappingProxyType({name: name.lower() for name in _BOUNDS} | {"BYDAY": "byweekday"})


class RecurrenceRefused(PushError):
    """A schedule that cannot be used; detail says what to write instead, in both languages."""

    def __init__(self, detail: Localised) -> None:
        self.detail = detail
        super().__init__(detail.en or "")


def refused(*, zh: str, en: str) -> RecurrenceRefused:
    """The refusal with its words."""
    return RecurrenceRefused(both(zh=zh, en=en))


def read(text: str) -> Recurrence:
    """The recurrence that the text states: one DTSTART line and one RRULE line.

    Raises: RecurrenceRefused.
    """
    lines = [line.strip() for line in text[: MAX_TEXT + 1].replace("\r\n", "\n").split("\n") if line.strip()]
    if len(text) > MAX_TEXT or len(lines) != 2 or not lines[1].startswith("RRULE:"):
        raise refused(
            zh="请写两行：DTSTART;TZID=Asia/Shanghai:20260501T110000 和 RRULE:FREQ=WEEKLY;BYDAY=FR。",
            en="Write two lines: DTSTART;TZID=Asia/Shanghai:20260501T110000 and RRULE:FREQ=WEEKLY;BYDAY=FR.",
        )
    start, zone = _start(lines[0])
    found = _recurrence(_parts(lines[1].removeprefix("RRULE:")), start, zone)
    if not found.comes():
        raise refused(
            zh="该规则十二年内不会有任何一次，请修改。",
            en="This rule names no time within twelve years of its start; change it.",
        )
    return found


def _start(line: str) -> tuple[datetime, ZoneInfo | None]:
    match = _START.fullmatch(line)
    if match is None or (match[1] and match[3]):
        raise refused(
            zh="DTSTART 应为 DTSTART;TZID=时区:年月日T时分秒。",
            en="DTSTART must read DTSTART;TZID=zone:YYYYMMDDTHHMMSS.",
        )
    start = _wall(match[2])
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise refused(
            zh=f"开始年份须在 {FIRST_YEAR} 至 {LAST_YEAR} 之间。",
            en=f"DTSTART must lie between {FIRST_YEAR} and {LAST_YEAR}.",
        )
    return start, _zone("UTC" if match[3] else match[1])


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise refused(
            zh="时区不存在，请用 Asia/Shanghai 这样的 IANA 时区。",
            en="TZID is not an IANA time zone such as Asia/Shanghai.",
        ) from unknown


def _wall(digits: str) -> datetime:
    try:
        return datetime.strptime(digits, "%Y%m%dT%H%M%S")  # noqa: DTZ007 a wall time
    except ValueError as wrong:
        raise refused(
            zh="日期或时间不存在，请检查。", en="A date or time in it does not exist; check it."
        ) from wrong


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.upper().split(";"):
        name, _, value = part.partition("=")
        if not value or name in found:
            raise refused(
                zh="RRULE 的每一项应为 名称=值，且各出现一次。",
                en="Each part of RRULE is NAME=value, given once.",
            )
        found[name] = value
    if found.get("FREQ") not in _FREQUENCIES:
        raise refused(
            zh="FREQ 只支持 DAILY、WEEKLY、MONTHLY、YEARLY；一天多次请用 BYHOUR、BYMINUTE。",
            en="FREQ is DAILY, WEEKLY, MONTHLY or YEARLY; for several times a day use BYHOUR and BYMINUTE.",
        )
    allowed = _ALWAYS | _PARTS[_FREQUENCIES[found["FREQ"]]]
    if unknown := sorted(set(found) - allowed):
        names = ", ".join(name[:20] for name in unknown[:3])
        use = ", ".join(sorted(allowed - {"FREQ"}))
        raise refused(
            zh=f"FREQ={found['FREQ']} 不支持 {names}，可用：{use}。",
            en=f"{names} cannot be used with FREQ={found['FREQ']}; use {use}.",
        )
    return found


def _recurrence(parts: Mapping[str, str], start: datetime, zone: ZoneInfo | None) -> Recurrence:
    frequency = _FREQUENCIES[parts["FREQ"]]
    if "COUNT" in parts and "UNTIL" in parts:
        raise refused(zh="COUNT 和 UNTIL 只能用一个。", en="Use COUNT or UNTIL, not both.")
    week_start = parts.get("WKST", "MO")
    if week_start not in _WEEKDAYS:
        raise refused(zh="WKST 应为 MO 至 SU。", en="WKST is one of MO to SU.")
    return Recurrence(
        start=start,
        zone=zone,
        frequency=frequency,
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), 1, 366),
        week_start=_WEEKDAYS.index(week_start),
        count=_number("COUNT", parts["COUNT"], 1, MAX_COUNT) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        narrowing=_narrowing(parts, frequency, start),
    )


def _until(text: str) -> datetime | None:
    match = _UNTIL.fullmatch(text)
    if match is None:
        raise refused(
            zh="UNTIL 应为 YYYYMMDD 或 YYYYMMDDTHHMMSSZ。", en="UNTIL is YYYYMMDD or YYYYMMDDTHHMMSSZ."
        )
    wall = _wall(f"{match[1]}T{match[2] or '235959'}")
    return wall.replace(tzinfo=ZoneInfo("UTC")) if match[3] else wall


def _number(name: str, text: str, least: int, most: int) -> int:
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        raise refused(
            zh=f"{name} 应为 {least} 至 {most} 的整数。",
            en=f"{name} is a whole number from {least} to {most}.",
        )
    return int(text)


def _numbers(name: str, text: str) -> tuple[int, ...]:
    least, most = _BOUNDS[name]
    found = tuple(sorted({_number(name, one, least, most) for one in text.split(",")}))
    if 0 in found and least < 0:
        raise refused(zh=f"{name} 不能为 0。", en=f"{name} cannot be 0.")
    return found


def _weekdays(text: str, frequency: Frequency) -> tuple[weekday, ...]:
    found = []
    for one in text.split(",")[:50]:
        match = _WEEKDAY.fullmatch(one)
        nth = int(match[1]) if match and match[1] else None
        has_place = frequency in {MONTHLY, YEARLY}
        if match is None or nth == 0 or (nth is not None and (not has_place or abs(nth) > 53)):
            raise refused(
                zh="BYDAY 应为 MO,FR 这样的列表；1MO、-1FR 仅用于 MONTHLY、YEARLY。",
                en="BYDAY is a list such as MO,FR; 1MO or -1FR only with MONTHLY and YEARLY.",
            )
        found.append(weekday(_WEEKDAYS.index(match[2]), nth))
    return tuple(found)


def _narrowing(parts: Mapping[str, str], frequency: Frequency, start: datetime) -> Narrowing:
    """dateutil's keywords, with what the start stands for where the rule does not say (RFC 5545 §3.3.10)."""
    found: dict[str, tuple[int, ...] | tuple[weekday, ...]] = {
        _KEYWORDS[name]: _numbers(name, parts[name]) for name in _BOUNDS if name in parts
    }
    if "BYDAY" in parts:
        found["byweekday"] = _weekdays(parts["BYDAY"], frequency)
    if not found.keys() & {"byweekday", "bymonthday", "byyearday", "byweekno"}:
        if frequency == WEEKLY:
            found["byweekday"] = (weekday(start.weekday()),)
        elif frequency == MONTHLY:
            found["bymonthday"] = (start.day,)
        elif frequency == YEARLY:
            found["bymonthday"] = (start.day,)
            found.setdefault("bymonth", (start.month,))
    found.setdefault("byhour", (start.hour,))
    found.setdefault("byminute", (start.minute,))
    if len(found["byhour"]) * len(found["byminute"]) > MAX_TIMES_A_DAY:
        raise refused(
            zh=f"一天最多 {MAX_TIMES_A_DAY} 次。", en=f"At most {MAX_TIMES_A_DAY} times a day can be named."
        )
    return found
