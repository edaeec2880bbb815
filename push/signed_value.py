"""The worth of a coupon in a few bytes: its kind, which figures it has, and each of them seven bits a byte."""

from push.errors import PushError
from push.offer import OfferValue, ValueKind

# Places in this tuple are written down: only ever add to its end.
_KINDS = (ValueKind.NONE, ValueKind.AMOUNT, ValueKind.PERCENT, ValueKind.GIFT, ValueKind.IN_STORE_PRICE)
_FIGURES = (
    "minor_units",
    "percent",
    "min_spend_minor",
    "max_discount_minor",
    "price_minor",
    "regular_minor",
)
_MOST_BITS = 35
"""Five bytes: above every amount that an offer may state."""


class ValueUnreadable(PushError):
    """Bytes that state no worth."""

    def __init__(self) -> None:
        super().__init__("The code states no worth.")


def write_figures(value: OfferValue) -> bytes:
    """2 to 17 bytes for what offers state. Raises: ValueError for a figure that is out of bounds."""
    present = [name for name in _FIGURES if getattr(value, name) is not None]
    mask = sum(1 << _FIGURES.index(name) for name in present)
    return bytes((_KINDS.index(value.kind), mask)) + b"".join(
        _varint(getattr(value, name)) for name in present
    )


def read_figures(raw: bytes) -> OfferValue:
    """What was written; nothing may be left over. Raises: ValueUnreadable."""
    if len(raw) < 2 or raw[0] >= len(_KINDS) or raw[1] >> len(_FIGURES):
        raise ValueUnreadable
    figures, rest = dict[str, int](), raw[2:]
    for place, name in enumerate(_FIGURES):
        if raw[1] >> place & 1:
            figures[name], rest = _taken(rest)
    if rest:
        raise ValueUnreadable
    return OfferValue(kind=_KINDS[raw[0]], **figures)


def _varint(figure: int) -> bytes:
    if not 0 <= figure < 1 << _MOST_BITS:
        raise ValueError("A figure of a coupon is 0 to 2^35 - 1.")
    written = bytearray()
    while figure > 127:
        written.append(figure & 127 | 128)
        figure >>= 7
    written.append(figure)
    return bytes(written)


def _taken(raw: bytes) -> tuple[int, bytes]:
    figure = 0
    for place, byte in enumerate(raw[: _MOST_BITS // 7]):
        figure |= (byte & 127) << (7 * place)
        if byte < 128:
            return figure, raw[place + 1 :]
    raise ValueUnreadable
