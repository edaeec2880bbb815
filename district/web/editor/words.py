"""What members read: title and text in two languages, in common, by channel, and in variants."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from district.web.editor.fields import Fields, Row
from district.web.editor.reading import Reading, plain
from district.web.language import gettext as _
from push.offer_vocabulary import MAX_VARIANTS

VARIANT: Final = "variant"
CHANNEL: Final = "channel"
OWN: Final = "own"
"""Words of a channel's own in one of several wordings; ``of`` is the wording's key."""
PARTS: Final = ("title", "text")
LANGUAGES: Final = ("zh", "en")
NEW_VARIANT: Final[Mapping[str, str]] = {"weight": "1"}
NEW_CHANNEL: Final[Mapping[str, str]] = {"by": "sms"}
Document = Mapping[str, Any]


def read(reading: Reading) -> dict[str, Any]:
    """The members of the offer's document that are words."""
    offer = _words(reading, "", "/offer")
    if channels := _channels(reading, reading.fields.kept_rows(CHANNEL), "/offer"):
        offer["channels"] = channels
    reading.came("/offer/channels", "add-channel")
    reading.came("/offer/variants", "add-variant")
    variants = [
        _variant(reading, row, number) for number, row in enumerate(reading.fields.kept_rows(VARIANT))
    ]
    if len(variants) == 1:
        reading.wrong("add-variant", _("One wording alone is none of several: add another, or take it out."))
    if len(variants) > MAX_VARIANTS:
        reading.wrong("add-variant", _("There may be at most %(count)s wordings.", count=MAX_VARIANTS))
    return offer | ({"variants": variants} if variants else {})


def _words(reading: Reading, prefix: str, pointer: str) -> dict[str, Any]:
    start = f"{prefix}-" if prefix else ""
    found: dict[str, Any] = {}
    for part in PARTS:
        reading.came(f"{pointer}/{part}", f"{start}{part}_en")
        for language in LANGUAGES:
            reading.came(f"{pointer}/{part}/{language}", f"{start}{part}_{language}")
        typed = {language: reading.fields.one(f"{start}{part}_{language}") for language in LANGUAGES}
        found[part] = {language: text for language, text in typed.items() if text}
    return found


def _channels(reading: Reading, rows: Sequence[Row], pointer: str) -> dict[str, Any]:
    """Words of channels' own, in these rows of the form; pointer is whose they are."""
    found: dict[str, Any] = {}
    for row in rows:
        by = row.one("by")
        if by in found:
            reading.wrong(row.name("by"), _("This channel has its words already."))
        reading.came(f"{pointer}/channels/{by}", row.name("by"))
        found[by] = _words(reading, row.prefix, f"{pointer}/channels/{by}")
    return found


def own_rows(fields: Fields, variant_key: str) -> list[Row]:
    """A wording's rows of channels' own words, those that were taken out among them."""
    return [row for row in fields.rows(OWN) if row.one("of") == variant_key]


def _variant(reading: Reading, row: Row, number: int) -> dict[str, Any]:
    pointer, prefix = f"/offer/variants/{number}", row.prefix
    variant = {
        "name": reading.fields.one(f"{prefix}-name"),
        "weight": reading.whole(f"{prefix}-weight"),
        **_words(reading, prefix, pointer),
    }
    reading.came(pointer, f"{prefix}-name")
    reading.came(f"{pointer}/name", f"{prefix}-name")
    reading.came(f"{pointer}/weight", f"{prefix}-weight")
    reading.came(f"{pointer}/channels", f"{prefix}-name")
    own = [one for one in own_rows(reading.fields, row.key) if not one.is_gone]
    if channels := _channels(reading, own, pointer):
        variant["channels"] = channels
    return variant


def show(offer: Document) -> Fields:
    """The fields that say these words."""
    fields = Fields().merged(_shown(offer))
    for number, (by, words) in enumerate(offer.get("channels", {}).items()):
        fields = fields.added(CHANNEL, {"by": by, **_shown(words)}, key=str(number))
    for number, one in enumerate(offer.get("variants", ())):
        row = {"name": one["name"], "weight": plain(one["weight"]), **_shown(one)}
        fields = fields.added(VARIANT, row, key=str(number))
        for by, words in one.get("channels", {}).items():
            fields = fields.added(OWN, {"of": str(number), "by": by, **_shown(words)})
    return fields


def _shown(words: Document) -> dict[str, str]:
    return {f"{part}_{language}": words[part].get(language, "") for part in PARTS for language in LANGUAGES}
