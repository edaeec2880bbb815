"""MAC addresses as numbers, a body's at once, and what is known of each, found again without an object a device."""

import binascii
import secrets
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]
USUAL_LENGTH = 17
"""Of six pairs of digits with colons between them, as nearly every source writes an address."""
_NONE = (1 << 64) - 1
_FEWEST_SLOTS = 1 << 10


def numbers_of(texts: Sequence[str | bytes]) -> Numbers | None:
    """The addresses as 48-bit numbers; None if one of them is not in the usual form, or there is none."""
    if set(map(len, texts)) != {USUAL_LENGTH}:
        return None
    try:
        # One byte a character, whatever it is: what is no digit is found out below.
        joined = "".join(texts).encode("ascii", "replace")  # type: ignore[arg-type]  # bytes are refused here
        table = np.frombuffer(joined, np.uint8).reshape(-1, USUAL_LENGTH)
        digits = joined.translate(None, b":")
        if len(digits) != 12 * len(texts) or not (table[:, 2::3] == ord(":")).all():
            return None
        return numbers_in(binascii.unhexlify(digits))
    except (binascii.Error, TypeError):
        return None


def numbers_in(packed: bytes) -> Numbers:
    """The numbers of addresses of six bytes each."""
    wide = np.zeros((len(packed) // 6, 8), np.uint8)
    wide[:, 2:] = np.frombuffer(packed, np.uint8).reshape(-1, 6)
    return wide.view(">u8").astype(np.uint64).ravel()


class Table:
    """From numbers to places 0, 1, 2 … in the order in which they were added: open addressing, half empty at least."""

    def __init__(self) -> None:
        self._size = 0
        # Nobody can choose addresses that all want one slot (Dietzfelbinger et al., 1997: multiply-shift).
        self._factor = np.uint64(secrets.randbits(64) | 1)
        self._make(_FEWEST_SLOTS)

    def __len__(self) -> int:
        return self._size

    def find(self, numbers: Numbers) -> Places:
        """Each number's place; -1 where it was not added."""
        slots = self._home(numbers)
        held, found = self._numbers[slots], self._places[slots]
        missed = np.flatnonzero((held != numbers) & (found >= 0))
        while len(missed):
            slots[missed] = (slots[missed] + 1) & self._mask
            held[missed], found[missed] = self._numbers[slots[missed]], self._places[slots[missed]]
            missed = missed[(held[missed] != numbers[missed]) & (found[missed] >= 0)]
        return found

    def add(self, numbers: Numbers) -> None:
        """Add numbers that are all different and were not added before."""
        places = np.arange(self._size, self._size + len(numbers), dtype=np.int32)
        self._size += len(numbers)
        if 2 * self._size > len(self._numbers):
            is_held = self._places >= 0
            numbers = np.concatenate([self._numbers[is_held], numbers])
            places = np.concatenate([self._places[is_held], places])
            self._make(1 << (4 * self._size - 1).bit_length())
        slots = self._home(numbers)
        while len(numbers):
            is_free = self._places[slots] < 0
            # Of several that want one slot the last has it; the others see that below and go on.
            self._numbers[slots[is_free]] = numbers[is_free]
            self._places[slots[is_free]] = places[is_free]
            is_out = self._numbers[slots] != numbers
            numbers, places, slots = numbers[is_out], places[is_out], (slots[is_out] + 1) & self._mask

    def _make(self, slots: int) -> None:
        self._numbers: Numbers = np.full(slots, _NONE, np.uint64)
        self._places: Places = np.full(slots, -1, np.int32)
        self._mask = slots - 1
        self._shift = np.uint64(64 - slots.bit_length() + 1)

    def _home(self, numbers: Numbers) -> npt.NDArray[np.int64]:
        return ((numbers * self._factor) >> self._shift).astype(np.int64)
