"""Filed templates of WeChat: what goes into their fields, and what each kind of field takes.

Source: developers.weixin.qq.com, "sendMessage" of subscribe messages, table of limits of values.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from push.errors import PushError
from push.message import Message, MessagePurpose

MOST_FIELDS: Final = 12
LONGEST_PATTERN: Final = 200
MOST_THING: Final = 20
FIELD_PATTERN: Final = (
    r"^(thing|number|letter|symbol|character_string|time|date|amount|phone_number|car_number|name|phrase|const)"
    r"[0-9]{1,3}$"
)
_FIELD: Final = re.compile(FIELD_PATTERN)
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"
_DAY: Final = r"\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2})"
_HOUR: Final = r"\d{1,2}:\d{2}(:\d{2})?"
_MOMENT: Final = rf"({_DAY}( {_HOUR})?|{_HOUR})"


class Use(StrEnum):
    """What a template is filed for."""

    OFFER = "offer"
    SERVICE = "service"
    CODE = "code"


_USES: Final = MappingProxyType(
    {
        MessagePurpose.MARKETING: Use.OFFER,
        MessagePurpose.SERVICE: Use.SERVICE,
        MessagePurpose.CODE: Use.CODE,
    }
)


class Place(StrEnum):
    """What a field may name of a message."""

    TITLE = "title"
    BODY = "body"
    WHY = "why"
    CODE = "code"
    AT = "at"
    UNTIL = "until"
    DISTRICT = "district"


class Unfit(PushError):
    """A text that a field of a template does not take. field is its name."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        super().__init__(f"{field}: {why}")


class PatternInvalid(PushError):
    """A field of a template that cannot be filled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A filed template: for what it may be used, what its fields hold, and which page it opens.

    Fields name places, such as {title}; a page may name {offer}, the offer's id, and {token}, the end of the message's link.
    """

    id: str
    uses: frozenset[Use]
    fields: Mapping[str, str]
    page: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What a kind of field takes: a pattern over the whole value, in words, too."""

    pattern: re.Pattern[str]
    words: str


def _limit(pattern: str, words: str) -> Limit:
    return Limit(pattern=re.compile(pattern), words=words)


LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {
        "thing": _limit(r".{1,20}", "at most 20 characters"),
        "const": _limit(r".{1,20}", "one of the words that are filed with it, at most 20 characters"),
        "number": _limit(r"(?=.{1,32}$)-?\d+(\.\d+)?", "a number of at most 32 digits"),
        "letter": _limit(r"[A-Za-z]{1,32}", "at most 32 Latin letters"),
        "symbol": _limit(rf"[^\w{_HAN}\s]{{1,5}}", "at most 5 signs"),
        "character_string": _limit(r"[!-~]{1,32}", "at most 32 Latin letters, digits and signs"),
        "time": _limit(rf"{_MOMENT}(~{_MOMENT})?", "a time such as 15:01, or 2026年5月1日 15:01"),
        "date": _limit(rf"{_DAY}( {_HOUR})?(~{_DAY}( {_HOUR})?)?", "a date such as 2026年5月1日"),
        "amount": _limit(r"[¥￥$€£]?\d{1,10}(\.\d{1,2})?元?", "an amount such as ¥100.50 or 100元"),
        "phone_number": _limit(r"[0-9+\-() ]{1,17}", "at most 17 digits and signs"),
        "car_number": _limit(rf"[{_HAN}A-Z0-9]{{1,8}}", "at most 8 letters and digits"),
        "name": _limit(rf"[{_HAN}]{{1,10}}|[A-Za-z .'\-]{{1,20}}", "10 Chinese or 20 Latin characters"),
        "phrase": _limit(rf"[{_HAN}]{{1,5}}", "at most 5 Chinese characters"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a message says, place by place."""

    values: Mapping[Place, str]


def kind_of(field: str) -> str:
    """The kind of a field by its name: thing1 is a thing. Raises: PatternInvalid."""
    found = _FIELD.match(field)
    if found is None:
        raise PatternInvalid(
            f"{field[:40]}: fields are named as in WeChat's console, such as thing1 or time3."
        )
    return found[1]


def check(template: Template) -> None:
    """Whether the fields could ever be filled. Raises: PatternInvalid."""
    if not 1 <= len(template.fields) <= MOST_FIELDS:
        raise PatternInvalid(f"A template has 1 to {MOST_FIELDS} fields.")
    for field, pattern in template.fields.items():
        kind = kind_of(field)
        check_places(field, pattern)
        fixed = _PLACE.sub("", pattern).strip()
        if fixed == pattern.strip() and not LIMITS[kind].pattern.fullmatch(fixed):
            raise PatternInvalid(f"{field}: takes {LIMITS[kind].words}.")


def check_places(field: str, pattern: str) -> None:
    """Whether a field names nothing but places. Raises: PatternInvalid."""
    unknown = [one for one in _PLACE.findall(pattern) if one not in set(Place)]
    if unknown or not pattern or len(pattern) > LONGEST_PATTERN:
        raise PatternInvalid(
            f"{field}: a text of at most {LONGEST_PATTERN} characters; places are {_places()}."
        )


def _places() -> str:
    return " ".join(f"{{{one}}}" for one in Place)


def words_of(message: Message, *, district: str, zone: tzinfo) -> Words:
    """What a message says. Times are the district's; a message without an end says nothing of it."""
    until = message.expires_at
    return Words(
        values={
            Place.TITLE: message.title or message.body,
            Place.BODY: message.body,
            Place.WHY: message.why,
            Place.CODE: message.code or "",
            Place.AT: moment(message.at, zone),
            Place.UNTIL: moment(until, zone) if until is not None else "",
            Place.DISTRICT: district,
        }
    )


def moment(at: datetime, zone: tzinfo) -> str:
    """A time as WeChat's fields take it."""
    local = at.astimezone(zone)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def filled(template: Template, words: Words) -> dict[str, str]:
    """Every field's text; a thing that is too long ends in an ellipsis. Raises: Unfit."""
    return {field: _fitted(field, _written(pattern, words)) for field, pattern in template.fields.items()}


def shown(template: Template, words: Words) -> dict[str, str]:
    """Every field as its reader would see it, whether or not it could be sent."""
    return {field: _shortened(field, _written(pattern, words)) for field, pattern in template.fields.items()}


def unfit(template: Template, words: Words) -> list[Unfit]:
    """Every field that the words do not fit as they are: what an author is told before anybody gets it."""
    found = []
    for field, pattern in template.fields.items():
        text, limit = _written(pattern, words), LIMITS[kind_of(field)]
        if not limit.pattern.fullmatch(text):
            found.append(Unfit(field, _why(text, limit)))
    return found


def _why(text: str, limit: Limit) -> str:
    return f"takes {limit.words}; “{text[:40]}” has {len(text)}."


def _written(pattern: str, words: Words) -> str:
    """The pattern with its places filled, on one line."""
    whole = _PLACE.sub(lambda found: words.values.get(Place(found[1]), ""), pattern)
    return " ".join(whole.split())


def _fitted(field: str, text: str) -> str:
    limit = LIMITS[kind_of(field)]
    text = _shortened(field, text)
    if not limit.pattern.fullmatch(text):
        raise Unfit(field, f"takes {limit.words}")
    return text


def _shortened(field: str, text: str) -> str:
    is_long = kind_of(field) == "thing" and len(text) > MOST_THING
    return text[: MOST_THING - 1].rstrip() + "…" if is_long else text


def use_of(message: Message) -> Use:
    """What kind of template a message needs."""
    return _USES[message.purpose]


def fitting(templates: Sequence[Template], message: Message) -> list[Template]:
    """The templates that are filed for such a message, in their order."""
    return [one for one in templates if use_of(message) in one.uses]


_PAGE_PLACES: Final[Mapping[str, Callable[[Message], str]]] = MappingProxyType(
    {
        "{offer}": lambda message: str(message.offer_id or ""),
        "{token}": lambda message: message.link.rpartition("/")[2],
    }
)


def page_of(template: Template, message: Message) -> str:
    """The page that a template opens for this message."""
    page = template.page
    for place, value in _PAGE_PLACES.items():
        page = page.replace(place, value(message))
    return page
