"""Pseudonyms made once and found again: devices are seen again and again, and hashing is what a sighting costs most."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from district.sightings.pseudonyms import (
    PSEUDONYM_BYTES,
    STEM_BYTES,
    KeyedHash,
    mac_bytes,
    member_alias_of,
    stem,
)
from district.sightings.reported import Rejection

MAX_REMEMBERED = 1 << 17
"""Spellings kept for one day; about 25 MB."""
_LONGEST_SPELLING = 17
REFUSALS = (Rejection.BAD_MAC, Rejection.MISSING_DEVICE, Rejection.OPTED_OUT)
"""Their numbers count from 1; 0 is a device."""
STEM_LENGTH = 2 * STEM_BYTES
PACKED = np.dtype([("refusal", "u1"), ("device", f"V{PSEUDONYM_BYTES}"), ("stem", f"S{STEM_LENGTH}")])
"""What is remembered of a device, in one piece: looking it up costs what the memory takes to be read."""
_BAD, _MISSING, _OPTED_OUT = (
    bytes([number]) + bytes(PACKED.itemsize - 1) for number in range(1, len(REFUSALS) + 1)
)


class Remembered:
    """The devices of one trading day as they were first seen, with their pseudonyms and stems.

    In memory alone, and only as long as the salt itself: whoever has the salt could make all of it again.
    """

    def __init__(
        self, *, salt: KeyedHash, aliases: KeyedHash, opt_outs: frozenset[bytes], stem_key: bytes
    ) -> None:
        self._salt, self._aliases, self._opt_outs = salt, aliases, opt_outs
        self._stem_key = stem_key
        self._packed = _Memory(self._pack)

    def __len__(self) -> int:
        return len(self._packed)

    def is_of(self, *, salt: KeyedHash, aliases: KeyedHash, opt_outs: frozenset[bytes]) -> bool:
        """Whether it was made with just these; then it still holds."""
        return self._salt is salt and self._aliases is aliases and self._opt_outs is opt_outs

    def find(self, names: Sequence[str | bytes]) -> npt.NDArray[np.void]:
        """What is packed for MACs as spelled, or for members by the 16 bytes of their id."""
        if len(self._packed) >= MAX_REMEMBERED:
            self._packed.clear()
        return np.frombuffer(b"".join(map(self._packed.__getitem__, names)), PACKED)

    def _pack(self, name: str | bytes) -> bytes:
        if isinstance(name, bytes):
            return self._keep(name, self._made(member_alias_of(self._aliases, name)))
        mac = mac_bytes(name)
        if mac is None:
            return _BAD if name else _MISSING
        spelled = mac.hex(":")
        if name != spelled:
            found = self._packed[spelled]
            return self._keep(name, found) if len(name) <= _LONGEST_SPELLING else found
        alias = self._aliases.pseudonym(mac)
        return self._keep(name, _OPTED_OUT if alias in self._opt_outs else self._made(alias))

    def _made(self, alias: bytes) -> bytes:
        return b"\0" + self._salt.pseudonym(alias) + stem(self._stem_key, alias).encode()

    def _keep(self, name: str | bytes, packed: bytes) -> bytes:
        self._packed[name] = packed
        return packed


class _Memory(dict[str | bytes, bytes]):
    """What was made before is looked up, what was not is made."""

    def __init__(self, make: Callable[[str | bytes], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str | bytes) -> bytes:
        return self._make(name)
