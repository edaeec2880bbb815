"""A dry run's figures in words, and as the lines of a file. In the language being spoken."""

from collections.abc import Sequence

from district.offers.preview_schemas import PreviewOut
from district.web import formats
from district.web.channel_words import channel_word
from district.web.language import gettext as _
from district.web.reasons import in_words


def people(rounded: int) -> str:
    """A count that was rounded down to tens: none of them means fewer than ten."""
    return formats.people(rounded or None)


def reasons(seen: PreviewOut) -> Sequence[tuple[str, int]]:
    """Why members would get none, the most frequent first."""
    ordered = sorted(seen.refused.items(), key=lambda one: (-one[1], one[0]))
    return [(in_words(reason), count) for reason, count in ordered]


def rows(seen: PreviewOut) -> list[list[object]]:
    """Each figure with what it is about."""
    lines: list[list[object]] = [[_("Figure"), _("About"), _("Value")]]
    lines.append([_("Looked at"), "", people(seen.audience)])
    lines += [
        [_("Would get it"), channel_word(by), people(count)] for by, count in seen.reach_by_channel.items()
    ]
    lines.append([_("Held out as the control group"), "", people(seen.control)])
    lines += [[_("Would get none"), words, people(count)] for words, count in reasons(seen)]
    if seen.cost.each_minor:
        lines.append([_("Cost at most"), seen.cost.currency, formats.money(seen.cost.most_minor)])
        lines.append([_("Cost as expected"), seen.cost.currency, formats.money(seen.cost.expected_minor)])
    lines.append([_("Sending is through"), "", formats.day_time(seen.finishes_at)])
    lines += [
        [_("Overlap with live campaigns"), one.name or _("campaigns of others"), people(one.members)]
        for one in seen.overlap
    ]
    smallest = seen.lift.smallest_points
    lines.append([_("Smallest rise that can be told"), _("percentage points"), formats.number(smallest)])
    return lines
