"""What an offer is worth, in words of the page being rendered."""

from collections.abc import Mapping
from typing import Any

from district.web.formats import money, percent
from district.web.language import gettext as _
from push.offer import ValueKind


def worth(value: Mapping[str, Any]) -> str:
    """€5.00 off, 20% off, a gift; empty for what has no worth of its own."""
    match value.get("type"):
        case ValueKind.AMOUNT:
            return _("%(amount)s off", amount=money(int(value["minor_units"])))
        case ValueKind.PERCENT:
            return _("%(amount)s off", amount=percent(value["percent"] / 100))
        case ValueKind.GIFT:
            return _("A gift")
        case _other:
            return ""
