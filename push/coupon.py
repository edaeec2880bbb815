"""Coupon codes, and what a coupon takes off a bill."""

import unicodedata
from typing import NewType

from push.crockford import ALPHABET
from push.errors import PushError
from push.offer import OfferValue, ValueKind

CouponCode = NewType("CouponCode", str)
"""26 symbols of Crockford's base 32 in upper case, ungrouped: 128 random bits."""

RANDOM_BYTES = 16
_LENGTH = 26
_GROUPS = (5, 5, 5, 5, 6)
# Crockford leaves these out because they are read as others; a hand-typed code may hold them all the same.
_CONFUSED = str.maketrans({"O": "0", "I": "1", "L": "1"})
_MAX_TYPED = 128
_MAX_SCANNED = 512


class CodeMalformed(PushError):
    """A text that cannot be a coupon code."""

    def __init__(self) -> None:
        super().__init__("This is not a coupon code: type the 26 letters and digits under the QR code.")


class AmountInvalid(PushError):
    """A bill that is not an amount of money."""

    def __init__(self) -> None:
        super().__init__("A bill is a whole number of minor units, zero or more.")


def code_from(random: bytes) -> CouponCode:
    """The code of 16 random bytes from a cryptographic source.

    Source: Crockford, Base 32 (https://www.crockford.com/base32.html), without check symbol.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"A code is made of exactly {RANDOM_BYTES} random bytes.")
    number, symbols = int.from_bytes(random), []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 32)
        symbols.append(ALPHABET[digit])
    return CouponCode("".join(reversed(symbols)))


def grouped(code: CouponCode) -> str:
    """The code as people read and type it: 5-5-5-5-6 symbols."""
    parts, start = [], 0
    for size in _GROUPS:
        parts.append(code[start : start + size])
        start += size
    return "-".join(parts)


def normalise(typed: str) -> CouponCode:
    """The code that a person or a scanner gave, whatever its case, blanks, dashes, widths and confusables.

    Raises: CodeMalformed.
    """
    if len(typed) > _MAX_TYPED:
        raise CodeMalformed
    symbols = cleaned(typed)
    # 26 symbols hold 130 bits, so the first one of a real code is 0..7.
    if len(symbols) != _LENGTH or set(symbols) - set(ALPHABET) or symbols[0] > "7":
        raise CodeMalformed
    return CouponCode(symbols)


def cleaned(typed: str) -> str:
    """The symbols of a typed or scanned text: in upper case, without blanks and dashes, confusables as they are meant."""
    folded = unicodedata.normalize("NFKC", typed[:_MAX_SCANNED]).upper()
    return "".join(letter for letter in folded if not _separates(letter)).translate(_CONFUSED)


def _separates(letter: str) -> bool:
    return unicodedata.category(letter) in {"Zs", "Pd", "Cc", "Cf"} or letter == "\u2212"


def discount_minor(value: OfferValue, bill_minor: int, *, due_minor: int | None = None) -> int:
    """What the coupon takes off, in the same minor units, when other discounts have left due_minor of the bill.

    Never more than is due (the bill, when nothing else is named), nothing below the bill from which it
    holds. A percentage is rounded to the nearest minor unit, halves in the customer's favour. For an
    in-store price the thing must be on the bill, which is then no less than its regular price.

    Raises: AmountInvalid.
    """
    due = bill_minor if due_minor is None else due_minor
    if bill_minor < 0 or due < 0:
        raise AmountInvalid
    if bill_minor < (value.min_spend_minor or 0):
        return 0
    match value.kind:
        case ValueKind.AMOUNT:
            off = value.minor_units or 0
        case ValueKind.PERCENT:
            off = percent_of(due, value.percent or 0)
        case ValueKind.IN_STORE_PRICE:
            regular = value.regular_minor or 0
            off = regular - (value.price_minor or 0) if bill_minor >= regular else 0
        case ValueKind.GIFT | ValueKind.RANDOM | ValueKind.POINTS | ValueKind.NONE:
            off = 0
    return min(off, due) if value.max_discount_minor is None else min(off, due, value.max_discount_minor)


def percent_of(amount_minor: int, percent: int) -> int:
    """A percentage of an amount, rounded to the nearest minor unit, halves upwards."""
    return (amount_minor * percent + 50) // 100
