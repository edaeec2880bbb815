"""Codes that people say and type at a counter: the member's, unlocked by the till, and the till's own number."""

import re
import secrets
from typing import NewType

from push.coupon import CodeMalformed, cleaned
from push.crockford import pack
from push.errors import PushError

TypedCode = NewType("TypedCode", str)
"""8 symbols of Crockford's base 32: 40 random bits, enough for two minutes at one till that counts wrong ones."""
TillNumber = NewType("TillNumber", str)
"""6 digits."""

SYMBOLS = 8
DIGITS = 6
_BYTES = 5
_MAX_TYPED = 64
_NUMBER = re.compile(rf"[0-9]{{{DIGITS}}}")
_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


class NumberMalformed(PushError):
    """What cannot be a till's number."""

    def __init__(self) -> None:
        super().__init__(f"Type the {DIGITS} digits that the till shows.")


def new_code() -> TypedCode:
    """A fresh code, from a cryptographic source."""
    return TypedCode(pack(secrets.token_bytes(_BYTES)))


def new_number() -> TillNumber:
    """A fresh number, from a cryptographic source."""
    return TillNumber(f"{secrets.randbelow(10**DIGITS):0{DIGITS}}")


def grouped(text: TypedCode | TillNumber) -> str:
    """In two halves, as people read and say it."""
    half = len(text) // 2
    return f"{text[:half]} {text[half:]}"


def is_typed(text: str) -> bool:
    """Whether a text has the shape of a typed code, in whatever case and with whatever blanks."""
    symbols = cleaned(text[:_MAX_TYPED])
    return len(text) <= _MAX_TYPED and len(symbols) == SYMBOLS and not set(symbols) - _ALPHABET


def normalise(text: str) -> TypedCode:
    """The code that was meant. Raises: CodeMalformed."""
    if not is_typed(text):
        raise CodeMalformed
    return TypedCode(cleaned(text))


def number_of(text: str) -> TillNumber:
    """The number that was meant, whatever blanks and widths. Raises: NumberMalformed."""
    digits = cleaned(text[:_MAX_TYPED])
    if len(text) > _MAX_TYPED or not _NUMBER.fullmatch(digits):
        raise NumberMalformed
    return TillNumber(digits)
