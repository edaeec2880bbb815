"""Hours of a campaign as a person reads them."""

from datetime import timedelta

from district.web.language import gettext as _
from district.web.language import ngettext
from district.web.merchant_hours import DAYS, ticked


def hours_words(text: str) -> str:
    """Mon–Fri 11:00–14:00; what ticks cannot say stays as it is written."""
    simple = ticked(text)
    if simple is None:
        return text
    days, opens, closes = simple
    span = f"{opens}–{closes}"
    if len(days) == len(DAYS):
        return _("daily %(span)s", span=span)
    return f"{_(', ').join(_runs(days))} {span}"


def day_word(day: str) -> str:
    """A weekday, short."""
    return {
        "Mo": _("Mon"),
        "Tu": _("Tue"),
        "We": _("Wed"),
        "Th": _("Thu"),
        "Fr": _("Fri"),
        "Sa": _("Sat"),
        "Su": _("Sun"),
    }[day]


def _runs(days: tuple[str, ...]) -> list[str]:
    """Days that follow each other, together."""
    runs: list[list[str]] = []
    for day in days:
        if runs and DAYS.index(day) == DAYS.index(runs[-1][-1]) + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [day_word(run[0]) if len(run) == 1 else f"{day_word(run[0])}–{day_word(run[-1])}" for run in runs]


def length_words(length: timedelta) -> str:
    """A length of time as exactly as it was set: 90 minutes, 4 hours, 150 seconds."""
    seconds = int(length.total_seconds())
    if seconds and seconds % 86_400 == 0:
        return ngettext("%(num)s day", "%(num)s days", seconds // 86_400)
    if seconds and seconds % 3_600 == 0:
        return ngettext("%(num)s hour", "%(num)s hours", seconds // 3_600)
    if seconds and seconds % 60 == 0:
        return ngettext("%(num)s minute", "%(num)s minutes", seconds // 60)
    return ngettext("%(num)s second", "%(num)s seconds", seconds)
