"""Pseudonyms made once and found again: devices are seen again and again, and hashing is what a sighting costs most."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from district.sightings.addresses import USUAL_LENGTH, Numbers, Table, numbers_in, numbers_of
from district.sightings.pseudonyms import (
    PSEUDONYM_BYTES,
    KeyedHash,
    mac_bytes,
    member_alias_of,
    stem,
)
from district.sightings.reported import Rejection
from district.sightings.stems import STEM_BYTES

MAX_REMEMBERED = 1 << 17
"""Devices kept for one day; about 10 MB."""
REFUSALS = (Rejection.BAD_MAC, Rejection.MISSING_DEVICE, Rejection.OPTED_OUT)
"""Their numbers count from 1; 0 is a device."""
PACKED = np.dtype([("refusal", "u1"), ("device", f"V{PSEUDONYM_BYTES}"), ("stem", f"V{STEM_BYTES}")])
"""What is remembered of a device, in one piece: looking it up costs what the memory takes to be read."""
PackedRows = npt.NDArray[np.void]
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
        self._forget()

    def __len__(self) -> int:
        return len(self._table) + len(self._members)

    def is_of(self, *, salt: KeyedHash, aliases: KeyedHash, opt_outs: frozenset[bytes]) -> bool:
        """Whether it was made with just these; then it still holds."""
        return self._salt is salt and self._aliases is aliases and self._opt_outs is opt_outs

    def find(self, names: Sequence[str | bytes]) -> PackedRows:
        """What is packed for MACs as spelled, or for members by the 16 bytes of their id."""
        if len(self) >= MAX_REMEMBERED:
            self._forget()
        numbers = numbers_of(names)
        return self._find_some(names) if numbers is None else self._of_numbers(numbers)

    def _forget(self) -> None:
        self._table = Table()
        self._packed: PackedRows = np.zeros(0, PACKED)
        self._members: dict[bytes, bytes] = {}

    def _find_some(self, names: Sequence[str | bytes]) -> PackedRows:
        """The same where not all are spelled in the usual way; those that are do not wait for the others."""
        found = np.zeros(len(names), PACKED)
        by_length = np.fromiter((len(name) == USUAL_LENGTH for name in names), np.bool_, len(names))
        usual = numbers_of([names[row] for row in np.flatnonzero(by_length).tolist()])
        if usual is None:
            by_length[:] = False
        else:
            found[by_length] = self._of_numbers(usual)
        rows, macs = [], []
        for row in np.flatnonzero(~by_length).tolist():
            mac, refusal_or_member = self._read(names[row])
            if mac is None:
                found[row] = np.frombuffer(refusal_or_member, PACKED)[0]
            else:
                rows.append(row)
                macs.append(mac)
        if rows:
            found[rows] = self._of_numbers(numbers_in(b"".join(macs)))
        return found

    def _read(self, name: str | bytes) -> tuple[bytes | None, bytes]:
        """The MAC's bytes; else what is packed for what is none."""
        if isinstance(name, str):
            return mac_bytes(name), _BAD if name else _MISSING
        found = self._members.get(name)
        if found is None:
            found = self._members[name] = self._made(member_alias_of(self._aliases, name))
        return None, found

    def _of_numbers(self, numbers: Numbers) -> PackedRows:
        places = self._table.find(numbers)
        if len(places) and places.min() < 0:
            self._add(np.unique(numbers[places < 0]))
            places = self._table.find(numbers)
        return self._packed[places]

    def _add(self, numbers: Numbers) -> None:
        start, end = len(self._table), len(self._table) + len(numbers)
        if end > len(self._packed):
            self._packed = np.concatenate([self._packed[:start], np.zeros(end, PACKED)])
        made = b"".join([self._of_mac(number.to_bytes(6)) for number in numbers.tolist()])
        self._packed[start:end] = np.frombuffer(made, PACKED)
        self._table.add(numbers)

    def _of_mac(self, mac: bytes) -> bytes:
        alias = self._aliases.pseudonym(mac)
        return _OPTED_OUT if alias in self._opt_outs else self._made(alias)

    def _made(self, alias: bytes) -> bytes:
        return b"\0" + self._salt.pseudonym(alias) + stem(self._stem_key, alias)
