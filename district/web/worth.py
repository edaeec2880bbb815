"""What an offer is worth, in words of the page being rendered."""

from collections.abc import Mapping
from typing import Any

from district.web.formats import money, percent
from district.web.language import gettext as _
from push.offer import ValueKind


def worth(value: Mapping[str, Any]) -> str:
    """€5.00 off from €20.00, 20% off, €9.90 instead of €15.90, a gift; empty for what has no worth of its own."""
    match value.get("type"):
        case ValueKind.AMOUNT:
            return _from(_("%(amount)s off", amount=money(int(value["minor_units"]))), value)
        case ValueKind.PERCENT:
            return _from(_percent(value), value)
        case ValueKind.GIFT:
            return _from(_("A gift"), value)
        case ValueKind.IN_STORE_PRICE:
            return _price(value)
        case ValueKind.RANDOM:
            return _("Red packet")
        case ValueKind.POINTS:
            return _("Points: %(points)s", points=int(value["points"]))
        case _other:
            return ""


def _from(words: str, value: Mapping[str, Any]) -> str:
    """With the bill from which it holds."""
    least = value.get("min_spend_minor")
    return words if least is None else _("%(worth)s from %(bill)s", worth=words, bill=money(int(least)))


def _percent(value: Mapping[str, Any]) -> str:
    share, most = percent(value["percent"] / 100), value.get("max_discount_minor")
    if most is None:
        return _("%(amount)s off", amount=share)
    return _("%(amount)s off, up to %(most)s", amount=share, most=money(int(most)))


def _price(value: Mapping[str, Any]) -> str:
    """Told only by the shop's own code."""
    if "price_minor" not in value:
        return _("A price of its own in the shop")
    price, regular = money(int(value["price_minor"])), money(int(value["regular_minor"]))
    return _("%(price)s instead of %(regular)s", price=price, regular=regular)
