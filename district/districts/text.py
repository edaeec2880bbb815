"""Names and other short texts that strangers send: cleaned before they are kept."""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

NAME_MOST: Final = 200
LABEL_MOST: Final = 64
FLOOR_MOST: Final = 16
ADDRESS_MOST: Final = 300

# Direction overrides and isolates can make a name read as another; the zero-width ones hide inside it (Unicode TR 36).
_INVISIBLE: Final = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_MAC_MARKS: Final = re.compile(r"[:.\-\s]")
_MAC: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)


def clean(text: str) -> str:
    """One line without control, direction and zero-width characters, in composed form (NFC)."""
    spaced = "".join(" " if character in "\t\n\r\v\f\u2028\u2029" else character for character in text)
    kept = (character for character in spaced if unicodedata.category(character) not in ("Cc", "Cs"))
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", "".join(kept))).split())


def normal_mac(text: str) -> str:
    """Twelve lower-case hex digits from any usual spelling (aa:bb…, AA-BB…, aabb.ccdd.eeff, bare).

    Raises: ValueError for anything else.
    """
    digits = _MAC_MARKS.sub("", text.strip()[:32]).lower()
    if not _MAC.fullmatch(digits):
        raise ValueError("must be a MAC address such as aa:bb:cc:dd:ee:ff")
    return digits


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must hold at least one visible character")
    return text


Name = Annotated[
    str, StringConstraints(max_length=NAME_MOST), AfterValidator(clean), AfterValidator(_not_empty)
]
OptionalName = Annotated[str, StringConstraints(max_length=NAME_MOST), AfterValidator(clean)]
Label = Annotated[str, StringConstraints(max_length=LABEL_MOST), AfterValidator(clean)]
Floor = Annotated[
    str, StringConstraints(max_length=FLOOR_MOST), AfterValidator(clean), AfterValidator(_not_empty)
]
Address = Annotated[str, StringConstraints(max_length=ADDRESS_MOST), AfterValidator(clean)]
Mac = Annotated[str, StringConstraints(max_length=32), AfterValidator(normal_mac)]
