"""Texts with named places, such as {store}: nothing but names from a closed list, no expressions."""

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
_PLACE = re.compile(r"\{([A-Za-z_][^{}\s]{0,40})\}")
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
    return " | ".join(f"{{{one}}}" for one in Placeholder)


def check(text: str) -> None:
    """Raises: PlaceholderUnknown for a name in braces that is not on the list; other braces are text."""
    for name in _PLACE.findall(text):
        if name not in set(Placeholder):
            raise PlaceholderUnknown(name)


def names_in(text: str) -> frozenset[Placeholder]:
    """What the text names of the list."""
    return frozenset(Placeholder(name) for name in _PLACE.findall(text) if name in set(Placeholder))


def fill(text: str, facts: Facts, channel: Channel | None = None) -> str:
    """The text with its places filled, made safe for the channel.

    A fact is put in as it is and never read as a template again; it is cleaned of controls, on one line
    and of at most MAX_FACT letters. For a telephone's own display the whole is one line; where the channel
    carries markup, all of it is escaped. The inbox and other programs take plain text and escape it where they show it.

    Raises: PlaceholderUnknown.
    """
    check(text)
    filled = _PLACE.sub(lambda found: _fact(facts.get(Placeholder(found[1]), "")), text)
    if channel in _ONE_LINE:
        filled = " ".join(filled.split())
    return html.escape(filled) if channel in _MARKED_UP else filled


def fill_both(text: Localised, facts: Mapping[Language, Facts], channel: Channel | None = None) -> Localised:
    """A text in every language that it has, each with the facts in that language."""
    words = {
        language: fill(given, facts.get(language, {}), channel)
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
