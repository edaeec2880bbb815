"""A whole campaign as the editor's form, both ways."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from district.campaigns.schemas import MOST_STORES, CampaignOut, NewCampaign
from district.districts.service import DistrictInfo
from district.problems import DistrictError
from district.web.editor import limits, offer, triggers, when, where, who, words
from district.web.editor.fields import Fields
from district.web.editor.reading import Reading, dumped, loaded, moment_fields
from district.web.explained import by_pointer
from district.web.language import Language
from district.web.language import gettext as _
from push.campaign_vocabulary import RULE

RULE_PARTS: Final = frozenset({*RULE.record.required, *RULE.record.optional})
OFFER_PARTS: Final = frozenset(
    {"kind", "value", "title", "text", "channels", "variants", "stacks_with", "claim", "code", "offline"}
)
_DATES: Final = (("starts_at", "starts"), ("ends_at", "ends"))


@dataclass(kw_only=True)
class Editor:
    """Reads one form as a campaign. Use it while speaking."""

    form: Fields
    district: DistrictInfo
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(fields=self.form, zone=self.district.zone, currency=self.district.currency)

    @property
    def errors(self) -> dict[str, str]:
        """What cannot be read, by field."""
        return self.reading.errors

    def campaign(self) -> NewCampaign | None:
        """The body, or None when a field could not be read."""
        values = {**self._named(), "rule": self.rule(), "offer": self.offer()}
        if self.errors:
            return None
        try:
            return NewCampaign.model_validate(values)
        except ValidationError as refused:
            for error in refused.errors():
                place = self.reading.field_of("/" + str(error["loc"][0])) or "name"
                self.reading.wrong(place, _("Check this value."))
            return None

    def _named(self) -> dict[str, Any]:
        """Everything but rule and offer."""
        form, reading = self.form, self.reading
        if not form.many("store_ids"):
            reading.wrong("store_ids", _("Tick at least one shop."))
        if len(form.many("store_ids")) > MOST_STORES:
            reading.wrong(
                "store_ids", _("A campaign has at most %(count)s shops: untick some.", count=MOST_STORES)
            )
        if not form.one("name"):
            reading.wrong("name", _("Give the campaign a name."))
        for pointer in ("name", "store_ids", "stock"):
            reading.came(f"/{pointer}", pointer)
        values: dict[str, Any] = {
            "name": form.one("name"),
            "store_ids": list(form.many("store_ids")),
            "stock": reading.whole("stock") if form.one("stock") else None,
        }
        for member, name in _DATES:
            values[member] = reading.moment(name)
            reading.came(f"/{member}", name)
        return values

    def rule(self) -> dict[str, Any]:
        """The rule's document."""
        self.reading.came("/rule", "add-trigger")
        rule: dict[str, Any] = {"v": 1, "trigger": triggers.read(self.reading)}
        for part, read in (("when", when.read), ("where", where.read), ("who", who.read)):
            if found := read(self.reading):
                rule[part] = found
        return rule | limits.read(self.reading) | _kept(self.form, "rule", RULE_PARTS)

    def offer(self) -> dict[str, Any]:
        """The offer's document."""
        found = offer.read(self.reading) | words.read(self.reading)
        return found | _kept(self.form, "offer", OFFER_PARTS)

    def refused(self, error: DistrictError, language: Language) -> dict[str, str]:
        """What a service refuses, at the fields it means."""
        found: dict[str, str] = {}
        for pointer, said in by_pointer(error, language).items():
            found.setdefault(self.reading.field_of(pointer) or "name", said)
        return found


def _kept(form: Fields, half: str, known: frozenset[str]) -> dict[str, Any]:
    """Members that the editor has no fields for, as they were."""
    kept = loaded(form.one(f"{half}-kept"))
    return {name: one for name, one in kept.items() if name not in known} if isinstance(kept, dict) else {}


def show(out: CampaignOut, district: DistrictInfo) -> Fields:
    """The form that would make this campaign."""
    rule, zone = out.rule, district.zone
    form = Fields()
    parts: tuple[Fields, ...] = (
        triggers.show(rule["trigger"]),
        where.show(rule.get("where")),
        who.show(rule.get("who", "everyone")),
        words.show(out.offer),
        Fields().merged(when.show(rule.get("when", {}), zone)),
        Fields().merged(limits.show(rule, district.currency)),
        Fields().merged(offer.show(out.offer, district.currency, zone)),
    )
    for part in parts:
        form = form.merged(part.values)
    return form.merged(_shown_named(out, district)).merged(
        {"rule-kept": _beyond(rule, RULE_PARTS), "offer-kept": _beyond(out.offer, OFFER_PARTS)}
    )


def _shown_named(out: CampaignOut, district: DistrictInfo) -> dict[str, str | tuple[str, ...]]:
    fields: dict[str, str | tuple[str, ...]] = {
        "name": out.name,
        "store_ids": tuple(str(one) for one in out.store_ids),
        "stock": "" if out.stock is None else str(out.stock),
        "version": str(out.version),
    }
    for at, (_member, name) in zip((out.starts_at, out.ends_at), _DATES, strict=True):
        fields |= moment_fields(name, None if at is None else at.isoformat(), district.zone)
    return fields


def _beyond(document: Mapping[str, Any], known: frozenset[str]) -> str:
    rest = {name: part for name, part in document.items() if name not in known}
    return dumped(rest) if rest else ""
