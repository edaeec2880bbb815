"""The values of the marketing policy in words: what each is called, what it does, how it reads."""

from dataclasses import dataclass
from enum import StrEnum

from district.web import formats
from district.web.language import gettext as _


class Kind(StrEnum):
    """How a value is typed and read."""

    COUNT = "count"
    MINUTES = "minutes"
    PERCENT = "percent"
    TIME = "time"
    AMOUNT = "amount"


GROUPS: tuple[tuple[str, tuple[tuple[str, Kind], ...]], ...] = (
    (
        "often",
        (
            ("offers_per_day", Kind.COUNT),
            ("offers_per_7d", Kind.COUNT),
            ("merchant_per_day", Kind.COUNT),
            ("gap_min", Kind.MINUTES),
        ),
    ),
    ("quiet", (("quiet_from", Kind.TIME), ("quiet_until", Kind.TIME))),
    ("measured", (("control_pct", Kind.PERCENT), ("holdout_pct", Kind.PERCENT))),
    (
        "shared",
        (
            ("share_pct", Kind.PERCENT),
            ("explore_pct", Kind.PERCENT),
            ("typical_spend_minor", Kind.AMOUNT),
            ("fatigue_minor", Kind.AMOUNT),
        ),
    ),
)
"""Every value of the policy, as the page groups them."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a value is called and what it does."""

    label: str
    hint: str
    is_needed: bool = True


def group(name: str) -> tuple[str, str]:
    """A group's title and what it is about."""
    return {
        "often": (
            _("How often a member is told anything"),
            _("Of all campaigns together; no campaign gets round it."),
        ),
        "quiet": (
            _("Quiet hours"),
            _("Nothing rings then; a member's own hours hold as well, and the stricter wins."),
        ),
        "measured": (
            _("Who is held out, to know effects"),
            _("Without people who get nothing, nobody knows what would have happened anyway."),
        ),
        "shared": (
            _("How merchants share members' attention"),
            _("Where several offers suit one member at the same moment."),
        ),
    }[name]


def value(name: str) -> Words:
    """A value's label and hint."""
    return (_often() | _quiet() | _measured() | _shared())[name]


def _often() -> dict[str, Words]:
    none = _("Empty: no such bound.")
    return {
        "offers_per_day": Words(label=_("Offers a day"), hint=_("To one member, by his trading day.")),
        "offers_per_7d": Words(label=_("Offers in seven days"), hint=none, is_needed=False),
        "merchant_per_day": Words(label=_("Offers of one merchant a day"), hint=none, is_needed=False),
        "gap_min": Words(label=_("Minutes between two offers"), hint=_("0: none.")),
    }


def _quiet() -> dict[str, Words]:
    return {
        "quiet_from": Words(label=_("Quiet from"), hint=_("By the district's clocks.")),
        "quiet_until": Words(label=_("Quiet until"), hint=""),
    }


def _measured() -> dict[str, Words]:
    return {
        "control_pct": Words(
            label=_("Global control group, percent"),
            hint=_("Members who get no marketing at all, the same ones always. 0 to 20."),
        ),
        "holdout_pct": Words(
            label=_("Held out by each campaign, percent"),
            hint=_("Where its rule names no share of its own. 0 to 50; 10 tells most effects."),
        ),
    }


def _shared() -> dict[str, Words]:
    return {
        "share_pct": Words(
            label=_("A merchant's share before his price rises, percent"),
            hint=_("Of an equal share of the contested moments. 100 to 1000."),
        ),
        "explore_pct": Words(label=_("Moments at which new merchants go first, percent"), hint=_("0 to 20.")),
        "typical_spend_minor": Words(
            label=_("A typical bill"), hint=_("By which percentages and gifts are compared with amounts.")
        ),
        "fatigue_minor": Words(
            label=_("Taken off for each earlier message of the week"),
            hint=_("So much less another message is worth."),
        ),
    }


def read(kind: Kind, number: int | None) -> str:
    """A value as people read it."""
    if number is None:
        return _("no bound")
    match kind:
        case Kind.TIME:
            return f"{number // 60:02d}:{number % 60:02d}"
        case Kind.AMOUNT:
            return formats.money(number)
        case Kind.PERCENT:
            return formats.percent(number / 100)
        case Kind.MINUTES:
            return _("%(count)s min", count=formats.number(number))
        case _:
            return formats.number(number)


def prior(kind: str) -> str:
    """A kind of worth and its band, as the model keeps them apart."""
    worth, _colon, band = kind.partition(":")
    worths = {
        "amount": _("Amount off"),
        "percent": _("Percent off"),
        "gift": _("A gift"),
        "in_store_price": _("A price of its own in the shop"),
        "random": _("Red packet"),
        "points": _("Points"),
        "none": _("No fixed worth"),
    }
    bands = {
        "service": _("service"),
        "paid": _("paid for"),
        "normal": _("usual"),
        "filler": _("fills gaps"),
    }
    return f"{worths.get(worth, worth)} · {bands.get(band, band)}"


@dataclass(frozen=True)
class _InWords:
    """What the page's template asks for."""

    group = staticmethod(group)
    value = staticmethod(value)
    read = staticmethod(read)
    prior = staticmethod(prior)


in_words = _InWords()
