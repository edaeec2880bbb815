"""The points rule as the fields of a form, and back."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from babel.numbers import get_currency_precision
from fastapi import Request

from district.districts.service import DistrictInfo
from district.points.schemas import RuleBody
from district.web.operator_forms import Sent, read_sent, scaled

MOST_MERCHANTS = 2_000
MOST_FIELDS = MOST_MERCHANTS + 40
COUNTS = (
    "life_days",
    "per_visit",
    "visits_per_day",
    "per_redemption",
    "most_per_purchase",
    "most_per_day",
)
AMOUNTS = ("value_minor", "minor_units_per_point")


class Whose(StrEnum):
    """Whose tills take points."""

    ALL = "all"
    NAMED = "named"


async def sent_rule(request: Request) -> Sent:
    """The fields that were sent; of merchants as many as a rule may name."""
    return await read_sent(request, most=MOST_FIELDS)


def document(sent: Sent, district: DistrictInfo) -> dict[str, Any]:
    """The body that the interface would take; amounts in minor units."""
    minor = 10 ** get_currency_precision(district.currency)
    is_named = sent.one("whose") == Whose.NAMED
    return {
        "is_on": sent.is_on("is_on"),
        **{name: sent.one(name) for name in COUNTS},
        **{name: scaled(sent.one(name), minor) for name in AMOUNTS},
        "merchant_ids": sent.all("merchant_ids") if is_named else None,
    }


def fields(rule: RuleBody, district: DistrictInfo, changed_at: datetime | None) -> Sent:
    """The form of a rule. ``changed_at`` goes with it: what somebody else changed since is not written over."""
    digits = get_currency_precision(district.currency)
    values: dict[str, tuple[str, ...]] = {name: (str(getattr(rule, name)),) for name in COUNTS}
    for name in AMOUNTS:
        minor = getattr(rule, name)
        values[name] = ("" if minor is None else f"{minor / 10**digits:.{digits}f}",)
    values["whose"] = (Whose.ALL if rule.merchant_ids is None else Whose.NAMED,)
    values["merchant_ids"] = tuple(str(one) for one in rule.merchant_ids or ())
    values["changed_at"] = (version(changed_at),)
    if rule.is_on:
        values["is_on"] = ("on",)
    return Sent(values=values)


def version(changed_at: datetime | None) -> str:
    """What a form says of the rule that it was filled with; empty before there was one."""
    return changed_at.isoformat() if changed_at else ""


def ticked(sent: Sent) -> set[uuid.UUID]:
    """The merchants that are ticked; what is no id is passed over."""
    found = set()
    for text in sent.all("merchant_ids")[:MOST_MERCHANTS]:
        try:
            found.add(uuid.UUID(text))
        except ValueError:
            continue
    return found


def hidden(sent: Sent) -> list[tuple[str, str]]:
    """Every field once for each of its values, to be sent again unseen."""
    values: Mapping[str, tuple[str, ...]] = sent.values
    return [(name, value) for name, several in values.items() for value in several]
