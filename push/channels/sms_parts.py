"""How a text becomes parts of a text message, and what they cost. Source: 3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from push.wording import Language

MOST_PARTS: Final = 10
"""So many parts telephones put together without trouble, and nobody reads more."""
_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE: Final = 0x1B
_EXTENSION: Final[Mapping[str, int]] = MappingProxyType(
    {
        "\f": 0x0A,
        "^": 0x14,
        "{": 0x28,
        "}": 0x29,
        "\\": 0x2F,
        "[": 0x3C,
        "~": 0x3D,
        "]": 0x3E,
        "|": 0x40,
        "€": 0x65,
    }
)
_GSM: Final[Mapping[str, bytes]] = MappingProxyType(
    {letter: bytes([code]) for code, letter in enumerate(_BASIC) if code != _ESCAPE}
    | {letter: bytes([_ESCAPE, code]) for letter, code in _EXTENSION.items()}
)

_REFUSAL: Final[Mapping[Language, str]] = MappingProxyType(
    {Language.ZH: "拒收请回复R", Language.EN: "Reply STOP to end"}
)
_REFUSES: Final = re.compile(
    r"拒收请回复|退订(?:请)?回复?\s*[A-Za-z]|回复?\s*[A-Za-z]{1,2}\s*退订|reply stop", re.IGNORECASE
)


class Alphabet(StrEnum):
    """How letters are coded: 7 bits each, or 16."""

    GSM = "gsm"
    UCS2 = "ucs2"


_WHOLE: Final[Mapping[Alphabet, int]] = MappingProxyType({Alphabet.GSM: 160, Alphabet.UCS2: 70})
_PIECE: Final[Mapping[Alphabet, int]] = MappingProxyType({Alphabet.GSM: 153, Alphabet.UCS2: 67})
"""Units in a message of one part, and in each part of a longer one beside its header of six octets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """A text, cut as it is sent. units counts septets, or UTF-16 code units."""

    alphabet: Alphabet
    units: int
    texts: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.texts)

    @property
    def left_units(self) -> int:
        """How much more fits before another part is paid for; of several parts, in the last."""
        if self.count == 1:
            return _WHOLE[self.alphabet] - self.units
        return _PIECE[self.alphabet] - sum(_width(letter, self.alphabet) for letter in self.texts[-1])

    def cost_micro(self, part_micro: int) -> int:
        """What it costs, in millionths of a currency unit; part_micro is the price of one part."""
        return self.count * part_micro


def split(text: str) -> Parts:
    """Cut a text into parts: as few as its letters allow, never inside an escaped letter or a surrogate pair."""
    alphabet = Alphabet.GSM if all(letter in _GSM for letter in text) else Alphabet.UCS2
    units = sum(_width(letter, alphabet) for letter in text)
    texts = (text,) if units <= _WHOLE[alphabet] else tuple(_pieces(text, alphabet))
    return Parts(alphabet=alphabet, units=units, texts=texts)


def octets(text: str, alphabet: Alphabet) -> bytes:
    """One part as gateways take it: a septet an octet, or big-endian UTF-16.

    Raises: KeyError for a letter that the 7-bit alphabet does not have.
    """
    if alphabet is Alphabet.UCS2:
        return text.encode("utf-16-be", "replace")
    return b"".join(_GSM[letter] for letter in text)


def read(raw: bytes, alphabet: Alphabet) -> str:
    """The text of a part; what no alphabet knows becomes a replacement character."""
    if alphabet is Alphabet.UCS2:
        return raw.decode("utf-16-be", "replace")
    letters: list[str] = []
    is_escaped = False
    for octet in raw:
        if octet == _ESCAPE and not is_escaped:
            is_escaped = True
            continue
        letters.append(_extended(octet) if is_escaped else _basic(octet))
        is_escaped = False
    return "".join(letters)


def composed(body: str, *, language: Language, signature: str = "", link: str = "", can_refuse: bool) -> str:
    """The whole text of a message: who it is from, what it says, its link, and how to refuse further ones.

    can_refuse is for marketing. A body that says how to refuse already is not made to say it again.
    """
    how = _REFUSAL[language] if can_refuse and not says_how_to_refuse(body) else ""
    head = f"【{signature}】" if signature and not body.startswith("【") else ""
    parts = [head + body]
    parts += [link] if link and link not in body else []
    parts += [how] if how else []
    return " ".join(parts)


def refusal(language: Language) -> str:
    """How a text says to refuse further ones."""
    return _REFUSAL[language]


def says_how_to_refuse(text: str) -> bool:
    """Whether it does, in these words or others."""
    return _REFUSES.search(text) is not None


def _pieces(text: str, alphabet: Alphabet) -> list[str]:
    room = _PIECE[alphabet]
    pieces: list[str] = []
    start = used = 0
    for place, letter in enumerate(text):
        width = _width(letter, alphabet)
        if used + width > room:
            pieces.append(text[start:place])
            start, used = place, 0
        used += width
    return [*pieces, text[start:]]


def _width(letter: str, alphabet: Alphabet) -> int:
    """Units of a letter: an escaped one, and one beyond the basic plane, take two."""
    if alphabet is Alphabet.GSM:
        return len(_GSM[letter])
    return 2 if ord(letter) > 0xFFFF else 1


def _basic(octet: int) -> str:
    return _BASIC[octet] if octet < len(_BASIC) else "�"


def _extended(octet: int) -> str:
    """A letter after an escape; a telephone shows what it does not know from the basic table."""
    found = next((letter for letter, code in _EXTENSION.items() if code == octet), None)
    return found or _basic(octet)
