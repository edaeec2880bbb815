"""What the operator's forms send, and what is wrong with it, place by place, in the page's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError

from district.problems import DistrictError
from district.web.explained import by_pointer, explained
from district.web.language import Language, gettext
from district.web.language import gettext as _

MAX_FIELDS = 200
MAX_VALUE = 25_000
MOST_NUMBER = 1e12
OWN_WORDS = "Value error, "


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The fields of a form as text; a field may come several times."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """A field's value without the blanks around it; empty when it is not there."""
        return (self.values.get(name) or ("",))[-1].strip()

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return list(self.values.get(name, ()))

    def is_on(self, name: str) -> bool:
        """Whether a box is ticked."""
        return name in self.values


async def read_sent(request: Request, *, most: int = MAX_FIELDS) -> Sent:
    """The fields of a form, at most so many."""
    form = await request.form(max_fields=most)
    found: dict[str, tuple[str, ...]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found[name] = (*found.get(name, ()), value[:MAX_VALUE])
    return Sent(values=found)


async def _sent(request: Request) -> Sent:
    return await read_sent(request)


SentForm = Annotated[Sent, Depends(_sent)]


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """What is wrong with a form: at its places (``plan``, ``options/site``), and as a whole."""

    places: Mapping[str, str] = field(default_factory=dict)
    whole: str = ""

    def __bool__(self) -> bool:
        return bool(self.places or self.whole)

    def at(self, place: str) -> str:
        """The words for one place, in the language being spoken; empty when it is right."""
        return said(self.places[place]) if place in self.places else ""

    def top(self) -> str:
        """What is said above the form."""
        return said(self.whole) if self.whole else _("Check the marked fields.")


RIGHT = Wrong()


def wrong_of(error: ValidationError | DistrictError, language: Language) -> Wrong:
    """Where a form is wrong."""
    if isinstance(error, ValidationError):
        places: dict[str, str] = {}
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            place = "/".join(str(part) for part in one["loc"] if isinstance(part, str))
            places.setdefault(_field_of(place), one["msg"])
        return Wrong(places=places)
    named = {_field_of(pointer): words for pointer, words in by_pointer(error, language).items()}
    named = {place: words for place, words in named.items() if place}
    return Wrong(places=named) if named else Wrong(whole=explained(error, language))


def _field_of(pointer: str) -> str:
    """``/options/site`` → ``options/site``, ``/methods/0`` → ``methods``: the field of the form."""
    parts = pointer.strip("/").split("/")
    return "/".join(parts[:2]) if parts[0] in {"options", "secrets", "sign_in"} else parts[0]


def said(message: str) -> str:
    """A checker's message in the language being spoken."""
    if message.startswith(OWN_WORDS):
        own = message.removeprefix(OWN_WORDS)
        words = gettext(own)
        return words[:1].upper() + words[1:]
    for start, words in _usual().items():
        if message.startswith(start):
            return words
    return gettext(message)


def _usual() -> dict[str, str]:
    """pydantic's own messages by how they begin."""
    return {
        "Field required": _("This is needed."),
        "String should have at least": _("This is too short."),
        "String should have at most": _("This is too long."),
        "String should match": _("This is not in the form that is asked for."),
        "Input should be a valid integer": _("Give a whole number."),
        "Input should be a valid datetime": _("Give a date and a time."),
        "Value error, '": _("This is not in the form that is asked for."),
        "Input should be greater": _("This number is too small."),
        "Input should be less": _("This number is too large."),
        "Input should be": _("Choose one from the list."),
        "List should have": _("Choose at least one, and not more than ten."),
    }


def local_time(text: str, zone: tzinfo) -> datetime | str | None:
    """What a ``datetime-local`` field sent, in the district's zone; None for nothing, the text itself when it is no time."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return text


def scaled(text: str, factor: float) -> int | str | None:
    """A number in the unit of the form, as a whole number of the smaller unit; the text itself when it is no number."""
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    return round(value * factor) if abs(value) < MOST_NUMBER else text
