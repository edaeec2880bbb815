"""Providers of text messages and what they send, as programs see them."""

import unicodedata
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from district.districts.service import SLUG_PATTERN
from district.districts.text import OptionalName
from district.members import text_words
from district.members.text_words import checked_keyword
from push.channels import signing
from push.channels.signing import SecretInvalid

MOST_TEXT = text_words.MOST_CHARACTERS


def _number(text: str) -> str:
    digits = unicodedata.normalize("NFKC", text).replace(" ", "").replace("-", "")
    rest = digits.removeprefix("+")
    if not (rest.isascii() and rest.isdigit() and 3 <= len(rest) <= 20):
        raise ValueError("give a number such as +358 40 1234567, or a short one such as 17123")
    return digits


def _secret(text: str) -> str:
    try:
        signing.key_of(text)
    except SecretInvalid as error:
        raise ValueError(str(error)) from None
    return text


Number = Annotated[str, StringConstraints(max_length=32), AfterValidator(_number)]
Keyword = Annotated[str, StringConstraints(max_length=40), AfterValidator(checked_keyword)]
Secret = Annotated[str, StringConstraints(max_length=120), AfterValidator(_secret)]


class NewTextProvider(BaseModel):
    """A provider that hands on text messages; a missing secret is made."""

    model_config = ConfigDict(extra="forbid")

    slug: Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
    name: OptionalName = ""
    number: Number
    """What people send to, with its country code, or a short number."""
    keyword: Keyword = "JOIN"
    secret: Secret | None = None


class TextProviderChange(BaseModel):
    """What may be changed later; what is left out stays. The secret before works for another day."""

    model_config = ConfigDict(extra="forbid")

    name: OptionalName | None = None
    number: Number | None = None
    keyword: Keyword | None = None
    secret: Secret | None = None


class TextProviderView(BaseModel):
    """A provider, without its secret."""

    slug: str
    name: str
    number: str
    keyword: str
    created_at: datetime
    method: str
    """What a gateway's ``methods`` call it."""
    inbound_url: str
    """Where it posts messages to."""


class MadeTextProvider(TextProviderView):
    """A provider just registered: the only time that its secret is shown."""

    secret: str


class TextProviderPage(BaseModel):
    """Providers by slug."""

    items: list[TextProviderView]
    next: str | None


class InboundText(BaseModel):
    """A text message that somebody sent. What else a provider adds is left."""

    sender: Annotated[str, Field(alias="from", min_length=3, max_length=40)]
    text: Annotated[str, Field(max_length=MOST_TEXT)]


class InboundAnswer(BaseModel):
    """What became of it."""

    outcome: str
