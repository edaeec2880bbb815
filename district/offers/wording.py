"""The words of one offer: its campaign's templates, filled for the moment at which it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_currency, get_currency_precision

from district.districts.service import DistrictInfo
from district.offers.terms import Terms
from push.consent import Channel
from push.offer import OfferValue, ValueKind, Variant, Words
from push.offer_document import write_text
from push.offer_vocabulary import MAX_TITLE
from push.template import Facts, Placeholder, asks_name, fill_both
from push.wording import Language

_LOCALES = MappingProxyType({Language.ZH: Locale("zh", script="Hans"), Language.EN: Locale("en")})
_GIFT = MappingProxyType({Language.ZH: "礼品", Language.EN: "a gift"})


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
    facts = {language: facts_of(terms, district, language, value=value, until=until) for language in Language}
    common = terms.offer.words(None, variant)
    by_channel: dict[Channel, tuple[Mapping[str, str], Mapping[str, str]]] = {}
    particular = variant.by_channel if variant is not None else terms.offer.by_channel
    for channel, words in particular.items():
        by_channel[channel] = _addressed(words, facts, channel, called)
    return Told(
        title=write_text(fill_both(common.title, facts)),
        text=write_text(fill_both(common.text, facts)),
        message=_addressed(common, facts, None, called),
        by_channel=by_channel,
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
    locale = _LOCALES[language]
    return {
        Placeholder.STORE: terms.store_name.read(language)[1],
        Placeholder.DISTRICT: district.title(language),
        Placeholder.VALUE: worth(value, district.currency, language),
        Placeholder.MIN_SPEND: money(value.min_spend_minor or 0, district.currency, language),
        Placeholder.UNTIL: format_datetime(until, "d MMM HH:mm", tzinfo=district.zone, locale=locale)
        if language is Language.EN
        else format_datetime(until, "M月d日 HH:mm", tzinfo=district.zone, locale=locale),
    }


def worth(value: OfferValue, currency: str, language: Language) -> str:
    """€5.00, 20%, a gift; empty for what has no worth of its own."""
    match value.kind:
        case ValueKind.AMOUNT:
            return money(value.minor_units or 0, currency, language)
        case ValueKind.PERCENT:
            return f"{value.percent}%"
        case ValueKind.IN_STORE_PRICE:
            return money(value.price_minor or 0, currency, language)
        case ValueKind.RANDOM:
            return money(value.total_minor or 0, currency, language)
        case ValueKind.POINTS:
            return f"{value.points} 积分" if language is Language.ZH else f"{value.points} points"
        case ValueKind.GIFT:
            return _GIFT[language]
        case ValueKind.NONE:
            return ""


def money(minor_units: int, currency: str, language: Language) -> str:
    """An amount as people of the language write it."""
    amount = Decimal(minor_units).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale=_LOCALES[language]))


def stored(words: Mapping[str, str]) -> dict[str, Any]:
    """For a JSON column."""
    return dict(words)
