"""What the words of an offer may name, put as people of a language write it."""

from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_currency, get_currency_precision

from district.districts.service import DistrictInfo
from push.offer import OfferValue, ValueKind
from push.template import Facts, Placeholder
from push.wording import Language, Localised

_LOCALES = MappingProxyType({Language.ZH: Locale("zh", script="Hans"), Language.EN: Locale("en")})
_GIFT = MappingProxyType({Language.ZH: "礼品", Language.EN: "a gift"})


def facts(
    store_name: Localised,
    district: DistrictInfo,
    language: Language,
    *,
    value: OfferValue,
    until: datetime,
) -> Facts:
    """What a text may name, in a language."""
    locale = _LOCALES[language]
    pattern = "d MMM HH:mm" if language is Language.EN else "M月d日 HH:mm"
    return {
        Placeholder.STORE: store_name.read(language)[1],
        Placeholder.DISTRICT: district.title(language),
        Placeholder.VALUE: worth(value, district.currency, language),
        Placeholder.MIN_SPEND: money(value.min_spend_minor or 0, district.currency, language),
        Placeholder.UNTIL: format_datetime(until, pattern, tzinfo=district.zone, locale=locale),
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
