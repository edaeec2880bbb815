"""Days and hours as a merchant ticks them, and the opening_hours text that a campaign's rule holds."""

import re
from collections.abc import Sequence

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_SPAN = r"(?:Mo|Tu|We|Th|Fr|Sa|Su)(?:-(?:Mo|Tu|We|Th|Fr|Sa|Su))?"
_SIMPLE = re.compile(rf"^(?:({_SPAN}(?:,{_SPAN})*) )?(\d\d:\d\d)-(\d\d:\d\d)$")


def written(days: Sequence[str], opens: str, closes: str) -> str:
    """The text of some days with one span of hours: `Mo-We,Fr 11:00-14:00`."""
    places = sorted({DAYS.index(day) for day in days if day in DAYS})
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    spans = [DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs]
    return f"{','.join(spans)} {opens}-{closes}".strip()


def ticked(text: str) -> tuple[tuple[str, ...], str, str] | None:
    """The days, start and end of a text that ticks can say; None for any other."""
    found = _SIMPLE.match(text.strip())
    if found is None:
        return None
    days: set[int] = set()
    for span in (found[1] or "Mo-Su").split(","):
        first, _dash, last = span.partition("-")
        start, end = DAYS.index(first), DAYS.index(last or first)
        days |= set(range(start, end + 1)) if start <= end else {*range(start, 7), *range(end + 1)}
    return tuple(DAYS[day] for day in sorted(days)), found[2], found[3]
