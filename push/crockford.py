"""Bytes as letters and digits that survive being typed: Crockford's base 32.

Source: Crockford, Base 32 (https://www.crockford.com/base32.html), without check symbol.
"""

from push.errors import PushError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
_BITS = 5


class Unreadable(PushError):
    """Symbols that no bytes have."""

    def __init__(self) -> None:
        super().__init__("These are not the letters and digits of a code.")


def pack(raw: bytes) -> str:
    """Five bits a symbol, the first bits first; the last symbol is filled up with zeros."""
    count = -(-len(raw) * 8 // _BITS)
    number = int.from_bytes(raw) << (count * _BITS - len(raw) * 8)
    return "".join(ALPHABET[number >> _BITS * place & 31] for place in reversed(range(count)))


def unpack(symbols: str) -> bytes:
    """The bytes of symbols in upper case. There is one way to write them: what is left over must be zeros.

    Raises: Unreadable.
    """
    length = len(symbols) * _BITS // 8
    spare = len(symbols) * _BITS - length * 8
    number = 0
    for symbol in symbols:
        if symbol not in _VALUES:
            raise Unreadable
        number = number << _BITS | _VALUES[symbol]
    if spare >= _BITS or number & ((1 << spare) - 1):
        raise Unreadable
    return (number >> spare).to_bytes(length)
