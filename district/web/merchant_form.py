"""The campaign form: what is typed, and the campaign that it asks for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import get_currency_precision
from pydantic import ValidationError
from starlette.datastructures import FormData

from district.campaigns.schemas import NewCampaign
from district.districts.service import DistrictInfo
from district.problems import DistrictError
from district.stores.schemas import StoreView
from district.web.explained import by_pointer
from district.web.language import Language
from district.web.language import gettext as _
from district.web.merchant_hours import written

LONGEST_TEXT = 2_000
LONGEST_FENCE = 60_000
MOST_STORES = 200

PLACES: Mapping[str, str] = {
    "/name": "name",
    "/store_ids": "store_ids",
    "/rule/where": "within",
    "/rule/when": "opening_hours",
    "/rule/trigger": "dwell_min",
    "/rule/who": "audience",
    "/rule/cap": "cap_n",
    "/rule/ttl_s": "ttl_min",
    "/offer/value/percent": "percent",
    "/offer/value/minor_units": "amount",
    "/offer/value": "value",
    "/offer/title/zh": "title_zh",
    "/offer/title": "title_en",
    "/offer/text/zh": "text_zh",
    "/offer/text": "text_en",
    "/stock": "stock",
    "/starts_at": "starts",
    "/ends_at": "ends",
}
"""Which field a place in the campaign's document belongs to; the first that fits."""


@dataclass(frozen=True, kw_only=True)
class CampaignForm:
    """Every field as text, as a browser sends it and as it is shown again."""

    name: str = ""
    store_ids: tuple[str, ...] = ()
    fence: str = "shop"
    """shop: a circle around the first ticked store; drawn: what the map editor wrote."""
    radius_m: str = "60"
    within: str = ""
    hours: str = "chips"
    """any: at all hours; chips: ticked days and two times; text: opening_hours syntax."""
    days: tuple[str, ...] = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    opens: str = "10:00"
    closes: str = "20:00"
    opening_hours: str = ""
    store_open: str = ""
    audience: str = "everyone"
    trigger: str = "enter"
    dwell_min: str = "2"
    cap_n: str = "1"
    cap_per: str = "day"
    ttl_min: str = "90"
    kind: str = "coupon"
    value: str = "percent"
    amount: str = ""
    percent: str = "20"
    title_en: str = ""
    title_zh: str = ""
    text_en: str = ""
    text_zh: str = ""
    stock: str = ""
    starts: str = ""
    ends: str = ""
    version: str = ""


def read(sent: FormData) -> CampaignForm:
    """The fields of a browser's form; what is missing is empty, what is endless is cut."""
    values: dict[str, Any] = {}
    for one in fields(CampaignForm):
        if one.name in {"store_ids", "days"}:
            given = [text for text in sent.getlist(one.name)[:MOST_STORES] if isinstance(text, str)]
            values[one.name] = tuple(text[:40] for text in given)
            continue
        text = sent.get(one.name, "")
        most = LONGEST_FENCE if one.name == "within" else LONGEST_TEXT
        values[one.name] = text.strip()[:most] if isinstance(text, str) else ""
    return CampaignForm(**values)


@dataclass(kw_only=True)
class Builder:
    """Turns a form into a campaign's body; notes at each field what cannot be read. Use it while speaking."""

    form: CampaignForm
    district: DistrictInfo
    stores: Sequence[StoreView]
    errors: dict[str, str] = field(default_factory=dict)

    def campaign(self) -> NewCampaign | None:
        """The body, or None when a field could not be read."""
        form = self.form
        if not form.store_ids:
            self.errors["store_ids"] = _("Tick at least one of your shops.")
        if not form.name:
            self.errors["name"] = _("Give the campaign a name.")
        values = {
            "name": form.name,
            "store_ids": list(form.store_ids),
            "rule": self.rule(),
            "offer": self.offer(),
            "stock": self._whole("stock") if form.stock else None,
            "starts_at": self._moment("starts"),
            "ends_at": self._moment("ends"),
        }
        if self.errors:
            return None
        try:
            return NewCampaign.model_validate(values)
        except ValidationError as refused:
            for error in refused.errors():
                self.errors.setdefault(_field_of("/" + str(error["loc"][0])), _("Check this value."))
            return None

    def rule(self) -> dict[str, Any]:
        """The rule document."""
        form = self.form
        trigger: dict[str, Any] = {"on": "fence.enter"}
        if form.trigger == "dwell":
            trigger = {"on": "fence.dwell", "min_s": self._seconds("dwell_min")}
        rule: dict[str, Any] = {
            "v": 1,
            "trigger": {"any": [trigger]},
            "where": {"within": self.within()},
            "who": form.audience,
            "cap": {"campaign": {"n": self._whole("cap_n"), "per": form.cap_per}},
            "ttl_s": self._seconds("ttl_min"),
        }
        when: dict[str, Any] = {"tz": "district"} if form.hours != "any" or form.store_open else {}
        if form.hours != "any":
            when["opening_hours"] = self._hours()
        if form.store_open:
            when["and_store_open"] = True
        return rule | ({"when": when} if when else {})

    def within(self) -> dict[str, Any]:
        """The fence: as drawn, or a circle around the first ticked shop."""
        if self.form.fence == "drawn":
            return self._drawn()
        wanted = self.form.store_ids[0] if self.form.store_ids else ""
        shop = next((store for store in self.stores if str(store.id) == wanted), None)
        if shop is None:
            self.errors.setdefault("store_ids", _("Tick at least one of your shops."))
            return {}
        if shop.lon is None or shop.lat is None:
            self.errors["within"] = _("This shop has no place on the map: draw the fence instead.")
            return {}
        radius_m = self._number("radius_m", field_="within")
        return {"circle": {"lon": shop.lon, "lat": shop.lat, "radius_m": float(radius_m or 0)}}

    def offer(self) -> dict[str, Any]:
        """The offer document."""
        form = self.form
        texts = {
            "title": {"zh": form.title_zh, "en": form.title_en},
            "text": {"zh": form.text_zh, "en": form.text_en},
        }
        words = {
            name: {language: text for language, text in given.items() if text}
            for name, given in texts.items()
        }
        value: dict[str, Any] = {"type": form.value if form.kind == "coupon" else "none"}
        if value["type"] == "amount":
            value["minor_units"] = self._minor_units()
        elif value["type"] == "percent":
            value["percent"] = self._whole("percent")
        return {"kind": form.kind, "value": value, **words}

    def _drawn(self) -> dict[str, Any]:
        try:
            within = json.loads(self.form.within)
        except (ValueError, RecursionError):
            within = None
        if not isinstance(within, dict):
            self.errors["within"] = _("Draw the fence on the map, or choose a circle around your shop.")
            return {}
        return within

    def _hours(self) -> str:
        form = self.form
        if form.hours == "text":
            if not form.opening_hours:
                self.errors["opening_hours"] = _("Write the hours, such as Mo-Fr 11:00-14:00.")
            return form.opening_hours
        if not form.days:
            self.errors["opening_hours"] = _("Tick at least one day.")
        if not (form.opens and form.closes) or form.opens == form.closes:
            self.errors["opening_hours"] = _("Give a start and an end that differ.")
        return written(form.days, form.opens, form.closes)

    def _number(self, name: str, *, field_: str = "") -> Decimal | None:
        try:
            found = Decimal(getattr(self.form, name).replace(",", "."))
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or abs(found) > 10**12:
            self.errors[field_ or name] = _("Write a number here.")
            return None
        return found

    def _whole(self, name: str) -> int:
        found = self._number(name)
        if found is not None and found != found.to_integral_value():
            self.errors[name] = _("Write a whole number here.")
        return int(found or 0)

    def _seconds(self, name: str) -> int:
        return int((self._number(name) or 0) * 60)

    def _minor_units(self) -> int:
        found = self._number("amount")
        minor = (found or Decimal(0)).scaleb(get_currency_precision(self.district.currency))
        if minor != minor.to_integral_value():
            self.errors["amount"] = _("This is finer than the currency's smallest coin.")
        return int(minor)

    def _moment(self, name: str) -> datetime | None:
        typed = getattr(self.form, name)
        if not typed:
            return None
        try:
            return datetime.fromisoformat(typed).replace(tzinfo=self.district.zone)
        except ValueError:
            self.errors[name] = _("Write a date and a time.")
            return None


def at_fields(error: DistrictError, language: Language) -> dict[str, str]:
    """What a service refuses, at the fields it means."""
    found: dict[str, str] = {}
    for pointer, words in by_pointer(error, language).items():
        found.setdefault(_field_of(pointer), words)
    return found


def _field_of(pointer: str) -> str:
    return next((name for start, name in PLACES.items() if pointer.startswith(start)), "name")
