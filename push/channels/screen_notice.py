"""What a screen in a shop is told: offers that anybody may claim, never anything of a member."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from push.channels.fitting import written
from push.message import Message

VERSION: Final = 1
MOST_OFFERS: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Teaser:
    """One offer, in both languages where it has both. link is where anybody claims it; empty: nowhere."""

    id: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    until: datetime | None
    link: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """The store that a screen stands in."""

    ref: str
    name: str
    name_zh: str = ""


def notice(shop: Shop, teasers: Sequence[Teaser]) -> bytes:
    """The document of a store; nothing at all where it has no offer. The same offers always make the same bytes."""
    if not teasers:
        return b""
    document = {
        "v": VERSION,
        "store": {"ref": shop.ref, "name": _filled({"en": shop.name, "zh": shop.name_zh})},
        "offers": [_offer(one) for one in teasers[:MOST_OFFERS]],
    }
    return written(document)


def trial(message: Message) -> bytes:
    """A test message of the operator's."""
    language = message.language.value
    offer = {"id": str(message.id), "title": {language: message.title}, "text": {language: message.body}}
    return written({"v": VERSION, "test": True, "offers": [offer]})


def _offer(one: Teaser) -> dict[str, Any]:
    document: dict[str, Any] = {"id": one.id, "title": _filled(one.title), "text": _filled(one.text)}
    if one.until is not None:
        document["until"] = one.until.astimezone(UTC).isoformat(timespec="seconds")
    return document | ({"link": one.link} if one.link else {})


def _filled(words: Mapping[str, str]) -> dict[str, str]:
    return {language: text for language, text in sorted(words.items()) if text}
