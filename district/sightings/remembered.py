"""Pseudonyms made once and found again: devices are seen again and again, and hashing is what a sighting costs most."""

from collections.abc import Callable, Sequence

from district.sightings.batch import NO_MEMBER
from district.sightings.pseudonyms import KeyedHash, mac_bytes, member_alias_of, stem
from district.sightings.reported import Rejection

MAX_REMEMBERED = 1 << 17
"""Spellings kept for one day; about 35 MB."""
_LONGEST_SPELLING = 17
REFUSALS = (Rejection.BAD_MAC, Rejection.MISSING_DEVICE, Rejection.OPTED_OUT)
"""By number; devices are numbered behind them."""
_BAD, _MISSING, _OPTED_OUT = range(len(REFUSALS))


class Remembered:
    """The devices of one trading day, numbered as they are first seen, with their pseudonyms and stems.

    In memory alone, and only as long as the salt itself: whoever has the salt could make all of it again.
    """

    def __init__(
        self, *, salt: KeyedHash, aliases: KeyedHash, opt_outs: frozenset[bytes], stem_key: bytes
    ) -> None:
        self._salt, self._aliases, self._opt_outs = salt, aliases, opt_outs
        self._stem_key = stem_key
        self._forget()

    def is_of(self, *, salt: KeyedHash, aliases: KeyedHash, opt_outs: frozenset[bytes]) -> bool:
        """Whether it was made with just these; then it still holds."""
        return self._salt is salt and self._aliases is aliases and self._opt_outs is opt_outs

    def numbers_of(self, names: Sequence[str | bytes]) -> list[int]:
        """The numbers of MACs as spelled, or of members by the 16 bytes of their id; those below len(REFUSALS) are refused.

        Numbers hold until the next call: when there are too many, all is forgotten first.
        """
        self.make_room()
        return [*map(self.numbers.__getitem__, names)]

    def make_room(self) -> None:
        """Forget all when there is too much of it."""
        if len(self.numbers) >= MAX_REMEMBERED:
            self._forget()

    def _forget(self) -> None:
        self.numbers = _Numbers(self._number)
        self.devices: list[bytes] = [NO_MEMBER] * len(REFUSALS)
        self.stems: list[str] = [""] * len(REFUSALS)

    def _number(self, name: str | bytes) -> int:
        if isinstance(name, bytes):
            return self._added(member_alias_of(self._aliases, name), name)
        mac = mac_bytes(name)
        if mac is None:
            return _BAD if name else _MISSING
        spelled = mac.hex(":")
        if name != spelled:
            number = self.numbers[spelled]
            if len(name) <= _LONGEST_SPELLING:
                self.numbers[name] = number
            return number
        alias = self._aliases.pseudonym(mac)
        if alias in self._opt_outs:
            self.numbers[name] = _OPTED_OUT
            return _OPTED_OUT
        return self._added(alias, name)

    def _added(self, alias: bytes, name: str | bytes) -> int:
        number = self.numbers[name] = len(self.devices)
        self.devices.append(self._salt.pseudonym(alias))
        self.stems.append(stem(self._stem_key, alias))
        return number


class _Numbers(dict[str | bytes, int]):
    """What was numbered before is looked up, what was not is numbered."""

    def __init__(self, make: Callable[[str | bytes], int]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str | bytes) -> int:
        return self._make(name)
