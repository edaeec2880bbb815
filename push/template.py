"""Texts with named places, such as {store}: nothing but names from a closed list, no expressions.

{name|friend} stands for how the member wants to be addressed; who said nothing reads what stands after the bar.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from push.consent import Channel
from push.errors import PushError
from push.offer import OfferContent, Variant, Words
from push.wording import Language, Localised, clean

MAX_FACT = 120
MAX_SAMPLES = 5
MAX_CALLED = 40
_PLACE = re.compile(r"\{name\|(?P<instead>[^{}|\n]{1,40})\}|\{(?P<place>[A-Za-z_][^{}\s]{0,40})\}")
_ONE_LINE = frozenset({Channel.SMS, Channel.WEB_PUSH})
_MARKED_UP = frozenset({Channel.EMAIL})


class Placeholder(StrEnum):
    """What a text may name: the shop, the district, the worth, the bill from which it holds, the last moment."""

    STORE = "store"
    DISTRICT = "district"
    VALUE = "value"
    MIN_SPEND = "min_spend"
    UNTIL = "until"


class PlaceholderUnknown(PushError):
    """A text that names what nobody can fill in."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{{{name}}} is not known; a text may name {known_places()}.")


Facts = Mapping[Placeholder, str]


def known_places() -> str:
    """The names as one writes them."""
    return " | ".join([*(f"{{{one}}}" for one in Placeholder), "{name|…}"])


def check(text: str) -> None:
    """Raises: PlaceholderUnknown for a name in braces that is not on the list; other braces are text.

    A {name} without words for those who said nothing is not on it.
    """
    for found in _PLACE.finditer(text):
        place, instead = found["place"], found["instead"]
        if place is not None and place not in set(Placeholder):
            raise PlaceholderUnknown(place)
        if instead is not None and not clean(instead):
            raise PlaceholderUnknown("name")


def names_in(text: str) -> frozenset[Placeholder]:
    """What the text names of the list."""
    places = (found["place"] for found in _PLACE.finditer(text))
    return frozenset(Placeholder(name) for name in places if name in set(Placeholder))


def asks_name(text: Localised) -> bool:
    """Whether the text addresses its reader in any of its languages."""
    every = (text.given(language) or "" for language in Language)
    return any(found["instead"] is not None for given in every for found in _PLACE.finditer(given))


def form_of_address(given: str) -> str:
    """How somebody wants to be addressed, on one line, without controls and disguises; empty when nothing is left.

    Raises: ValueError when that is longer than MAX_CALLED.
    """
    cleaned = " ".join(clean(given).split())
    if len(cleaned) > MAX_CALLED:
        raise ValueError("too long")
    return cleaned


def fill(text: str, facts: Facts, channel: Channel | None = None, *, called: str | None = None) -> str:
    """The text with its places filled, made safe for the channel.

    A fact is put in as it is and never read as a template again; it is cleaned of controls, on one line
    and of at most MAX_FACT letters. For a telephone's own display the whole is one line; where the channel
    carries markup, all of it is escaped. The inbox and other programs take plain text and escape it where they show it.
    called is how the member wants to be addressed; without it the text's own words stand for it.

    Raises: PlaceholderUnknown.
    """
    check(text)

    def put(found: re.Match[str]) -> str:
        instead = found["instead"]
        return _fact(facts.get(Placeholder(found["place"]), "") if instead is None else called or instead)

    filled = _PLACE.sub(put, text)
    if channel in _ONE_LINE:
        filled = " ".join(filled.split())
    return html.escape(filled) if channel in _MARKED_UP else filled


def fill_both(
    text: Localised,
    facts: Mapping[Language, Facts],
    channel: Channel | None = None,
    *,
    called: str | None = None,
) -> Localised:
    """A text in every language that it has, each with the facts in that language."""
    words = {
        language: fill(given, facts.get(language, {}), channel, called=called)
        for language in Language
        if (given := text.given(language))
    }
    return Localised(zh=words.get(Language.ZH), en=words.get(Language.EN))


def _fact(fact: str) -> str:
    return " ".join(clean(fact).split())[:MAX_FACT]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """How one member would read the offer."""

    language: Language
    channel: Channel
    variant: str
    title: str
    body: str


def render_samples(
    offer: OfferContent,
    cases: Mapping[Language, tuple[Facts, ...]],
    *,
    channel: Channel = Channel.INBOX,
    most: int = MAX_SAMPLES,
) -> tuple[Sample, ...]:
    """Up to `most` samples a language, the variants in turn, each with the next of that language's facts."""
    variants: tuple[Variant | None, ...] = offer.variants or (None,)
    return tuple(
        _sample(offer.words(channel, variant), variant, language, facts, channel)
        for language, given in cases.items()
        for variant, facts in _in_turn(variants, given, most)
    )


def _in_turn(
    variants: tuple[Variant | None, ...], given: tuple[Facts, ...], most: int
) -> Iterator[tuple[Variant | None, Facts]]:
    wanted = min(most, max(len(variants), len(given))) if given else 0
    for number in range(wanted):
        yield variants[number % len(variants)], given[number % len(given)]


def _sample(
    words: Words, variant: Variant | None, language: Language, facts: Facts, channel: Channel
) -> Sample:
    return Sample(
        language=language,
        channel=channel,
        variant=variant.name if variant else "",
        title=fill(words.title.read(language)[1], facts, channel),
        body=fill(words.text.read(language)[1], facts, channel),
    )
