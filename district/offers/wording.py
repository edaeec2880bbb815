"""The words of one offer: its campaign's templates, filled for the moment at which it is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from district.campaigns.wording import facts
from district.districts.service import DistrictInfo
from district.offers.terms import Terms
from push.consent import Channel
from push.offer import OfferValue, Variant, Words
from push.offer_document import write_text
from push.offer_vocabulary import MAX_TITLE
from push.template import Facts, asks_name, fill_both
from push.wording import Language


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What an offer says, by language: in the wallet and to merchants, and in the messages to its member.

    Only messages address him by the name that he gave: what is kept with the offer, shown at tills or told to others
    has the text's own words for it.
    """

    title: Mapping[str, str]
    text: Mapping[str, str]
    message: tuple[Mapping[str, str], Mapping[str, str]]
    by_channel: Mapping[Channel, tuple[Mapping[str, str], Mapping[str, str]]]
    facts: Mapping[Language, Facts] = field(default_factory=dict)
    """What the words were filled with."""


def told(
    terms: Terms,
    district: DistrictInfo,
    *,
    variant: Variant | None,
    value: OfferValue,
    until: datetime,
    called: str | None = None,
) -> Told:
    """The offer's words with the facts of this piece filled in; ``called`` is how its member wants to be addressed."""
    known = {language: facts_of(terms, district, language, value=value, until=until) for language in Language}
    common = terms.offer.words(None, variant)
    by_channel: dict[Channel, tuple[Mapping[str, str], Mapping[str, str]]] = {}
    particular = variant.by_channel if variant is not None else terms.offer.by_channel
    for channel, words in particular.items():
        by_channel[channel] = _addressed(words, known, channel, called)
    return Told(
        title=write_text(fill_both(common.title, known)),
        text=write_text(fill_both(common.text, known)),
        message=_addressed(common, known, None, called),
        by_channel=by_channel,
        facts=known,
    )


def _addressed(
    words: Words, facts: Mapping[Language, Facts], channel: Channel | None, called: str | None
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Title and text for the member himself; a title that his name would make too long goes without it."""
    title = fill_both(words.title, facts, channel, called=called)
    if called and asks_name(words.title) and any(len(one or "") > MAX_TITLE for one in (title.zh, title.en)):
        title = fill_both(words.title, facts, channel)
    return write_text(title), write_text(fill_both(words.text, facts, channel, called=called))


def facts_of(
    terms: Terms, district: DistrictInfo, language: Language, *, value: OfferValue, until: datetime
) -> Facts:
    """What a text may name, in a language."""
    return facts(terms.store_name, district, language, value=value, until=until)


def stored(words: Mapping[str, str]) -> dict[str, Any]:
    """For a JSON column."""
    return dict(words)
