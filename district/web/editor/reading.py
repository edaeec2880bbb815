"""From what was typed to values: numbers, amounts, times, and where each stands in the campaign's document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from district.web.editor.fields import Fields
from district.web.language import gettext as _

UNITS_S: Final[Mapping[str, int]] = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_MOST: Final = 10**12


@dataclass(kw_only=True)
class Reading:
    """One reading of a form; notes at each field what cannot be read. Use it while speaking.

    places says which field a place of the document (JSON Pointer) came from.
    """

    fields: Fields
    zone: ZoneInfo
    currency: str
    errors: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def wrong(self, name: str, words: str) -> None:
        """Note what is wrong at a field; the first word on a field stays."""
        self.errors.setdefault(name, words)

    def came(self, pointer: str, name: str) -> None:
        """Note which field a place of the document came from."""
        self.places[pointer] = name

    def number(self, name: str) -> Decimal | None:
        typed = self.fields.one(name).replace(",", ".")
        try:
            found = Decimal(typed)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or abs(found) > _MOST:
            self.wrong(name, _("Write a number here."))
            return None
        return found

    def figure(self, name: str) -> int | float | None:
        """A number as JSON has it: whole where it is."""
        found = self.number(name)
        if found is None:
            return None
        return int(found) if found == found.to_integral_value() else float(found)

    def whole(self, name: str) -> int:
        """A whole number; 0 when that is noted as wrong."""
        found = self.number(name)
        if found is not None and found != found.to_integral_value():
            self.wrong(name, _("Write a whole number here."))
        return int(found or 0)

    def seconds(self, name: str) -> int:
        """A length of time: a number, and its unit in the field beside it."""
        found = (self.number(name) or Decimal(0)) * UNITS_S.get(self.fields.one(f"{name}_unit"), 60)
        if found != found.to_integral_value():
            self.wrong(name, _("Write whole seconds, minutes, hours or days."))
        return int(found)

    def money(self, name: str) -> int:
        """An amount in minor units of the district's currency."""
        found = self.number(name)
        minor = (found or Decimal(0)).scaleb(get_currency_precision(self.currency))
        if minor != minor.to_integral_value():
            self.wrong(name, _("This is finer than the currency's smallest coin."))
        return int(minor)

    def moment(self, name: str) -> str | None:
        """A local time as RFC 3339 with its offset; a time that nobody touched is as it was before, to the second."""
        typed, was = self.fields.one(name), self.fields.one(f"{name}_was")
        if not typed:
            return None
        if was and typed == shown_moment(was, self.zone):
            return was
        try:
            return datetime.fromisoformat(typed).replace(tzinfo=self.zone).isoformat()
        except (ValueError, OverflowError):
            self.wrong(name, _("Write a date and a time."))
            return None

    def document(self, name: str, words: str) -> dict[str, Any]:
        """A part of the document that a field carries as JSON; empty when that is noted as wrong."""
        found = loaded(self.fields.one(name))
        if not isinstance(found, dict):
            self.wrong(name, words)
            return {}
        return found

    def field_of(self, pointer: str) -> str | None:
        """The field that a place of the document came from, by the longest beginning that is known."""
        while pointer:
            if pointer in self.places:
                return self.places[pointer]
            pointer = pointer.rpartition("/")[0]
        return None


def loaded(text: str) -> Any:
    """What a text says as JSON; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def dumped(document: Any) -> str:
    """A part of the document for a hidden field."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def plain(number: Decimal | float) -> str:
    """A number as one types it: no exponent, no trailing zeros."""
    exact = Decimal(str(number))
    return f"{exact.normalize():f}" if exact else "0"


def shown_seconds(name: str, seconds: float) -> dict[str, str]:
    """A length of time in the largest unit that says it exactly."""
    whole = int(seconds)
    unit = next(unit for unit, length in UNITS_S.items() if whole % length == 0)
    return {name: plain(whole // UNITS_S[unit]), f"{name}_unit": unit}


def shown_money(minor: int | None, currency: str) -> str:
    return "" if minor is None else plain(Decimal(minor).scaleb(-get_currency_precision(currency)))


def shown_moment(text: str, zone: ZoneInfo) -> str:
    """An RFC 3339 time as the field of a browser has it, by the district's clocks; empty for what is no time."""
    try:
        return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError):
        return ""


def moment_fields(name: str, text: str | None, zone: ZoneInfo) -> dict[str, str]:
    """A time with what it was, so that seconds and offsets that the field cannot show stay."""
    return {} if text is None else {name: shown_moment(text, zone), f"{name}_was": text}
