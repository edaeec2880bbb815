"""Which device has which row of the fence state, whose it is, and where it was last."""

import uuid
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from district.sightings.batch import NO_MEMBER, Floats, Integers, pseudonyms
from geo.fence_state import FenceState

STRANGERS, MEMBERS = 0, 1
"""Segments of the fence state: who may trigger zones only, and who campaigns too."""
_NOBODY = np.void(NO_MEMBER)


@dataclass(kw_only=True, slots=True)
class Devices:
    """The map between pseudonyms and rows. One writer, the core."""

    rows: dict[bytes, int] = field(default_factory=dict)
    names: dict[int, bytes] = field(default_factory=dict)
    members: dict[int, uuid.UUID] = field(default_factory=dict)
    lon: Floats = field(default_factory=lambda: np.zeros(0))
    lat: Floats = field(default_factory=lambda: np.zeros(0))

    def rows_of(self, state: FenceState, devices: list[bytes]) -> tuple[Integers, list[bytes]]:
        """Each device's row, made where it has none; the devices that are new, in order of appearance."""
        new = [device for device in dict.fromkeys(devices) if device not in self.rows]
        if new:
            for device, row in zip(new, state.allocate(len(new), STRANGERS).tolist(), strict=True):
                self.rows[device] = row
                self.names[row] = device
            self._widen(len(state.used))
        return np.fromiter(map(self.rows.__getitem__, devices), np.int64, len(devices)), new

    def assign(self, state: FenceState, devices: list[bytes], members: npt.NDArray[np.void]) -> None:
        """Say whose these devices are; zeros are nobody."""
        known = members != _NOBODY
        rows = np.fromiter(map(self.rows.__getitem__, devices), np.int64, len(devices))
        state.set_segment(rows[known], MEMBERS)
        state.set_segment(rows[~known], STRANGERS)
        for row, member in zip(rows[known].tolist(), members[known].tolist(), strict=True):
            self.members[row] = uuid.UUID(bytes=member)
        for row in [row for row in rows[~known].tolist() if row in self.members]:
            del self.members[row]

    def forget(self, rows: Integers) -> None:
        """Rows that the state has freed."""
        for row in rows.tolist():
            self.rows.pop(self.names.pop(row, b""), None)
            self.members.pop(row, None)

    def packed(self) -> tuple[bytes, bytes, bytes]:
        """Rows as int32, devices and members of 16 bytes each, all in the order of rows."""
        rows = sorted(self.names)
        members = [self.members[row].bytes if row in self.members else NO_MEMBER for row in rows]
        return (
            np.array(rows, np.int32).tobytes(),
            b"".join(self.names[row] for row in rows),
            b"".join(members),
        )

    def unpack(self, state: FenceState, rows: bytes, devices: bytes, members: bytes) -> None:
        """Take back what was packed."""
        numbers = np.frombuffer(rows, np.int32).tolist()
        names: list[bytes] = pseudonyms(devices).tolist()
        self.names = dict(zip(numbers, names, strict=True))
        self.rows = {name: row for row, name in self.names.items()}
        self._widen(len(state.used))
        self.assign(state, names, pseudonyms(members))

    def _widen(self, rows: int) -> None:
        if rows > len(self.lon):
            extra = np.full(rows - len(self.lon), np.nan)
            self.lon, self.lat = np.concatenate((self.lon, extra)), np.concatenate((self.lat, extra))
