"""What is offered: its kind, its worth, and how one comes by it."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from district.web.editor.fields import Fields
from district.web.editor.reading import Reading, moment_fields, plain, shown_money, shown_seconds
from push.offer import ALONE_BUT_POINTS, DEFAULT_HOLD, REDEEMABLE, ClaimMode, OfferKind, StacksWith, ValueKind
from push.offer_vocabulary import BROADCAST

VALUE: Final = "/offer/value"
THRESHOLD: Final = "threshold"
"""Money off from a bill on (满减): in the document an amount with a least bill."""
POSTER: Final = "poster"
"""Claimed only by who scans a poster: in the document open, and not listed."""
MONEY: Final[Mapping[str, str]] = {
    "minor_units": "amount",
    "min_spend_minor": "min_spend",
    "max_discount_minor": "max_discount",
    "price_minor": "price",
    "regular_minor": "regular",
    "total_minor": "total",
    "least_minor": "least",
    "most_minor": "most",
}
FIGURES: Final[Mapping[str, str]] = {"percent": "percent", "count": "count", "points": "points"}
_FIELDS: Final[Mapping[str, str]] = {**MONEY, **FIGURES}
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    ValueKind.AMOUNT: ("minor_units",),
    ValueKind.PERCENT: ("percent",),
    ValueKind.IN_STORE_PRICE: ("price_minor", "regular_minor"),
    ValueKind.RANDOM: ("total_minor", "count", "least_minor"),
    "points": ("points",),
    THRESHOLD: ("minor_units", "min_spend_minor"),
}
_OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    ValueKind.PERCENT: ("min_spend_minor", "max_discount_minor"),
    ValueKind.GIFT: ("min_spend_minor",),
    ValueKind.RANDOM: ("most_minor",),
}
POINTS: Final = "points"
"""Points of the district's own: credited, not redeemed; claimed as coupons are."""
_CLAIMED: Final = frozenset({*REDEEMABLE, POINTS})
_WORTH_OF: Final[Mapping[str, str]] = {OfferKind.RED_PACKET: ValueKind.RANDOM, POINTS: POINTS}
Document = Mapping[str, Any]


def read(reading: Reading) -> dict[str, Any]:
    """The offer's document but for its words."""
    kind = reading.fields.one("kind")
    offer: dict[str, Any] = {"kind": kind, "value": value(reading)}
    reading.came("/offer/kind", "kind")
    reading.came("/offer", "kind")
    if kind in _CLAIMED:
        offer |= _claim(reading)
    return offer | (_at_the_till(reading) if kind in REDEEMABLE else {})


def value(reading: Reading) -> dict[str, Any]:
    """What it is worth."""
    kind = reading.fields.one("kind")
    chosen = reading.fields.one("value")
    if kind != OfferKind.COUPON:
        chosen = _WORTH_OF.get(kind, ValueKind.NONE)
    for member, name in _FIELDS.items():
        reading.came(f"{VALUE}/{member}", name)
    reading.came(VALUE, "total" if chosen == ValueKind.RANDOM else "value")
    found: dict[str, Any] = {"type": ValueKind.AMOUNT if chosen == THRESHOLD else chosen}
    for member in _REQUIRED.get(chosen, ()):
        found[member] = _figure(reading, member)
    for member in _OPTIONAL.get(chosen, ()):
        if reading.fields.one(_FIELDS[member]):
            found[member] = _figure(reading, member)
    return found


def _figure(reading: Reading, member: str) -> int:
    return reading.money(MONEY[member]) if member in MONEY else reading.whole(FIGURES[member])


def _at_the_till(reading: Reading) -> dict[str, Any]:
    """What it goes together with, and what kind of code it has."""
    chosen = frozenset(one for one in StacksWith if one in reading.fields.many("stacks"))
    for member, name in (("stacks_with", "stacks"), ("code", "code"), ("offline", "offline")):
        reading.came(f"/offer/{member}", name)
    found: dict[str, Any] = {} if chosen == ALONE_BUT_POINTS else {"stacks_with": sorted(chosen)}
    if reading.fields.one("code"):
        found["code"] = "rotating"
    if reading.fields.one("offline"):
        found["offline"] = {"ok": True}
    return found


def _claim(reading: Reading) -> dict[str, Any]:
    modes: Mapping[str, Callable[[Reading], dict[str, Any]]] = {
        ClaimMode.OPEN: _open,
        POSTER: _open,
        ClaimMode.RESERVE: _reserve,
        ClaimMode.DROP: _drop,
    }
    for member, name in (
        ("mode", "claim"),
        ("opens_at", "opens_at"),
        ("closes_at", "closes_at"),
        ("hold_s", "hold"),
    ):
        reading.came(f"/offer/claim/{member}", name)
    found = modes.get(reading.fields.one("claim"))
    return {} if found is None else {"claim": found(reading)}


def _times(reading: Reading) -> dict[str, str]:
    names = ("opens_at", "closes_at")
    return {name: moment for name in names if (moment := reading.moment(name))}


def _open(reading: Reading) -> dict[str, Any]:
    claim: dict[str, Any] = {"mode": ClaimMode.OPEN.value, **_times(reading)}
    if not reading.fields.one("pushed"):
        claim["pushed"] = False
    if reading.fields.one("claim") == POSTER:
        claim["listed"] = False
    return claim


def _reserve(reading: Reading) -> dict[str, Any]:
    return {"mode": ClaimMode.RESERVE.value, "hold_s": reading.seconds("hold")}


def _drop(reading: Reading) -> dict[str, Any]:
    return {"mode": ClaimMode.DROP.value, **_times(reading)}


def show(offer: Document, currency: str, zone: ZoneInfo) -> dict[str, str | tuple[str, ...]]:
    """The fields that say this offer but for its words."""
    given = offer.get("value", {"type": ValueKind.NONE})
    chosen = given["type"]
    if chosen == ValueKind.AMOUNT and given.get("min_spend_minor") is not None:
        chosen = THRESHOLD
    shown: dict[str, str | tuple[str, ...]] = {
        "kind": OfferKind.MESSAGE.value if offer["kind"] == BROADCAST else offer["kind"],
        "value": chosen,
        "stacks": tuple(offer.get("stacks_with", tuple(ALONE_BUT_POINTS))),
        "code": "yes" if offer.get("code") == "rotating" else "",
        "offline": "yes" if offer.get("offline", {}).get("ok") else "",
        **_shown_claim(offer.get("claim"), zone),
    }
    for member, name in MONEY.items():
        figure = given.get(member)
        shown[name] = shown_money(None if figure is None else int(figure), currency)
    for member, name in FIGURES.items():
        shown[name] = "" if given.get(member) is None else plain(given[member])
    return shown


def _shown_claim(claim: Document | None, zone: ZoneInfo) -> dict[str, str]:
    hold = shown_seconds("hold", DEFAULT_HOLD.total_seconds())
    if claim is None:
        return {"claim": "none", "pushed": "yes", **hold}
    if "hold_s" in claim:
        hold = shown_seconds("hold", claim["hold_s"])
    is_poster = claim["mode"] == ClaimMode.OPEN and claim.get("listed") is False
    return {
        "claim": POSTER if is_poster else claim["mode"],
        "pushed": "" if claim.get("pushed") is False else "yes",
        **hold,
        **moment_fields("opens_at", claim.get("opens_at"), zone),
        **moment_fields("closes_at", claim.get("closes_at"), zone),
    }


def is_redeemed(fields: Fields) -> bool:
    """Whether a till redeems what the form offers."""
    return fields.one("kind") in REDEEMABLE
