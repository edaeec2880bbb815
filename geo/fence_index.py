"""The fences of one district, as an engine looks them up: raster, masks, gates and slots."""

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NewType
from uuid import UUID

import numpy as np
import shapely

from geo.errors import FenceRefused
from geo.fence_masks import FenceMasks
from geo.geojson import in_metres
from geo.grid import Floats, Integers
from geo.metric import LocalPlane
from geo.pairs import MAX_SLOTS
from geo.raster import DEFAULT_CELL_M, DEFAULT_MAX_BYTES, Bits, ZoneRaster, set_bits
from geo.zones import Area

FenceId = NewType("FenceId", UUID)

_OUTER_CELL_M = 8.0
_OUTER_MAX_BYTES = 16 * 2**20
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fence:
    """An area in WGS-84 degrees that is watched for devices.

    A fence with a floor sees only fixes known to be on that floor. One with a dwell reports who has been
    inside that long. A fix less accurate than max_accuracy_m, or of unknown accuracy when that is finite,
    changes nothing for the fence: neither enter nor exit.
    """

    id: FenceId
    polygon: Area
    floor: str | None = None
    dwell: timedelta | None = None
    max_accuracy_m: float = math.inf

    def __post_init__(self) -> None:
        if self.dwell is not None and self.dwell < _MILLISECOND:
            raise FenceRefused("A dwell must be longer than zero; leave it out for none.")
        if not self.max_accuracy_m > 0:
            raise FenceRefused("max_accuracy_m must be more than zero metres.")

    @property
    def dwell_ms(self) -> int:
        """The dwell in whole milliseconds, 0 for none."""
        return self.dwell // _MILLISECOND if self.dwell is not None else 0

    def digest(self) -> str:
        """Equal for equal fences, whatever their id: state is carried only across equal ones."""
        rule = f"{self.floor!r} {self.dwell_ms} {self.max_accuracy_m!r} "
        return hashlib.sha256(rule.encode() + shapely.to_wkb(self.polygon)).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, slots=True)
class FencePolicy:
    """How crossings are told from noise, for all fences of an index (performance notes, section 2i).

    exit_buffers_m: a device leaves only beyond the fence grown by a buffer; of these, ascending, the first
    that is at least twice the fix's accuracy is used, else the last; empty means none.
    confirmations: 2 asks for two fixes in a row before any change; 1 reports at once.
    idle: a device silent this long has left everything, and its row is freed.
    """

    exit_buffers_m: tuple[float, ...] = (5.0, 10.0, 20.0)
    confirmations: int = 1
    idle: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        if (
            list(self.exit_buffers_m) != sorted(set(self.exit_buffers_m))
            or min(self.exit_buffers_m, default=1) <= 0
        ):
            raise FenceRefused("exit_buffers_m must ascend and be more than zero.")
        if self.confirmations not in {1, 2}:
            raise FenceRefused("confirmations must be 1 or 2.")
        if self.idle < _MILLISECOND:
            raise FenceRefused("idle must be longer than zero.")

    @property
    def idle_ms(self) -> int:
        return self.idle // _MILLISECOND


def accuracy_limit_m(area: Area, plane: LocalPlane) -> float:
    """Half the radius of the circle as large as the area, to half a metre: a fix coarser than that cannot
    tell inside from outside. A district may use it as a fence's max_accuracy_m.
    """
    radius_m = math.sqrt(float(shapely.area(in_metres(area, plane))) / math.pi)
    return max(math.floor(radius_m) / 2, 0.5)


class FenceIndex:
    """Fences under slots: numbers that stay with a fence while it lives and are reused after it is removed.

    One writer; add and remove between batches (some milliseconds a call among 5,000 fences, whatever their
    number). Devices' state lives in FenceState: change the fences of a state in use through fences.change,
    which keeps both in step.
    """

    def __init__(
        self,
        fences: Sequence[Fence],
        *,
        plane: LocalPlane,
        policy: FencePolicy | None = None,
        capacity: int | None = None,
        cell_m: float = DEFAULT_CELL_M,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        """Raises: FenceRefused for repeated ids; OutsidePlane for a fence beyond the plane."""
        self.plane = plane
        self.policy = policy or FencePolicy()
        _check_new(fences, ())
        areas = [in_metres(fence.polygon, plane) for fence in fences]
        room = max(capacity or 0, len(fences) + 64)
        self.raster = ZoneRaster(areas, capacity=room, cell_m=cell_m, max_bytes=max_bytes)
        self.outers = [
            ZoneRaster(
                _grown(areas, buffer_m), capacity=room, cell_m=_OUTER_CELL_M, max_bytes=_OUTER_MAX_BYTES
            )
            for buffer_m in self.policy.exit_buffers_m
        ]
        self.slots: dict[FenceId, int] = {fence.id: slot for slot, fence in enumerate(fences)}
        self.fences: dict[int, Fence] = dict(enumerate(fences))
        self.dwell_ms: Integers = np.zeros(self.raster.capacity, np.int64)
        self.dwell_ms[: len(fences)] = [fence.dwell_ms for fence in fences]
        self.masks = FenceMasks(self.words)
        self.masks.put(self.fences)

    @property
    def words(self) -> int:
        """uint64 words in a row of bits: 64 slots each."""
        return self.raster.words

    def floor_code(self, floor: str | None) -> int:
        """The number by which fixes name a floor; 0, like unknown, for one that no fence is bound to.

        Codes hold until the next add.
        """
        return self.masks.floor_code(floor)

    def fence(self, slot: int) -> Fence:
        """The fence in a slot; raises FenceRefused if there is none."""
        if slot not in self.fences:
            raise FenceRefused(f"No fence is in slot {slot}; read transitions before fences are removed.")
        return self.fences[slot]

    def add(self, fences: Sequence[Fence]) -> list[int]:
        """Put new fences into free slots; eligible for nobody's mask but the default segment's, and live.

        Raises: FenceRefused for an id in use; OutsidePlane for a fence beyond the plane. Nothing is added then.
        """
        _check_new(fences, self.slots)
        areas = [in_metres(fence.polygon, self.plane) for fence in fences]
        slots = self._free(len(fences))
        self.raster.put(slots, areas)
        for outer, buffer_m in zip(self.outers, self.policy.exit_buffers_m, strict=True):
            outer.put(slots, _grown(areas, buffer_m))
        for slot, fence in zip(slots, fences, strict=True):
            self.slots[fence.id] = slot
            self.fences[slot] = fence
            self.dwell_ms[slot] = fence.dwell_ms
        self.masks.put({slot: self.fences[slot] for slot in slots})
        return slots

    def remove(self, ids: Iterable[FenceId]) -> list[int]:
        """Take fences out and free their slots; unknown ids are passed over."""
        known = [fence_id for fence_id in dict.fromkeys(ids) if fence_id in self.slots]
        slots = [self.slots.pop(fence_id) for fence_id in known]
        for slot in slots:
            del self.fences[slot]
        self.dwell_ms[slots] = 0
        self.raster.clear(slots)
        for outer in self.outers:
            outer.clear(slots)
        self.masks.clear(slots)
        return slots

    def set_live(self, ids: Iterable[FenceId], live: bool) -> None:
        """Open or close fences for everyone (windows, pauses, budgets); costs microseconds.

        Raises: FenceRefused for an unknown id.
        """
        self.masks.set_live(self._known(ids), live)

    def set_segment(self, segment: int, ids: Iterable[FenceId]) -> None:
        """Say which fences the devices of a segment (0, 1, 2 …) may trigger; replaces what it was.

        Until it is set, segment 0 may trigger every fence and every other segment none.
        """
        self.masks.set_segment(segment, self._known(ids))

    def levels(self, accuracy_m: Floats | None, count: int) -> Integers:
        """(n,) index of the exit buffer that each fix's accuracy asks for; the first for unknown."""
        if accuracy_m is None:
            return np.zeros(count, np.int64)
        wanted = np.where(np.isnan(accuracy_m), 0.0, 2 * accuracy_m)
        level = np.searchsorted(np.array(self.policy.exit_buffers_m), wanted, "left")
        return np.minimum(level, len(self.policy.exit_buffers_m) - 1)

    def _known(self, ids: Iterable[FenceId]) -> list[int]:
        chosen = list(ids)
        if any(fence_id not in self.slots for fence_id in chosen):
            raise FenceRefused("A fence is not in the index; add it first.")
        return [self.slots[fence_id] for fence_id in chosen]

    def _free(self, count: int) -> list[int]:
        if len(self.fences) + count > MAX_SLOTS:
            raise FenceRefused(f"An index holds at most {MAX_SLOTS} fences; split the district.")
        self._grow(len(self.fences) + count)
        free = np.flatnonzero(~self.raster.used)[:count]
        slots: list[int] = free.tolist()
        return slots

    def _grow(self, wanted: int) -> None:
        if wanted <= self.raster.capacity:
            return
        capacity = wanted + wanted // 4
        for raster in (self.raster, *self.outers):
            raster.grow(capacity)
        self.dwell_ms = np.pad(self.dwell_ms, (0, self.raster.capacity - len(self.dwell_ms)))
        self.masks.grow(self.words)


def held(
    index: FenceIndex, place: Integers, leaving: Bits, position: tuple[Floats, Floats], level: Integers
) -> Bits:
    """Of the bits about to leave, (m,) words at flat places of (fixes, words), those still within the buffer."""
    kept: Bits = np.zeros_like(leaving)
    fix, word = place // index.words, place % index.words
    for number, outer in enumerate(index.outers):
        mine = np.flatnonzero((level[fix] == number) & (leaving != 0))
        if len(mine):
            kept[mine] = _within(outer, (fix[mine], word[mine]), leaving[mine], position)
    return kept


def _within(
    outer: ZoneRaster, place: tuple[Integers, Integers], bits: Bits, position: tuple[Floats, Floats]
) -> Bits:
    fix, word = place
    x_m, y_m = position
    cells = outer.grid.cells(x_m[fix], y_m[fix])
    kept: Bits = bits & outer.bits.reshape(-1).take(cells * outer.words + word)
    unsure = bits & ~kept
    at, number = _bits_of(unsure)
    near = shapely.intersects_xy(outer.polygons[word[at] * 64 + number], x_m[fix[at]], y_m[fix[at]])
    np.bitwise_or.at(kept, at[near], np.uint64(1) << number[near].astype(np.uint64))
    return kept


def _bits_of(words: Bits) -> tuple[Integers, Integers]:
    place = np.flatnonzero(words)
    return set_bits(place, words[place])


def _grown(areas: Sequence[Area], buffer_m: float) -> list[Area]:
    grown: list[Area] = (
        list(shapely.buffer(np.array(areas, dtype=object), buffer_m, quad_segs=4)) if areas else []
    )
    return grown


def _check_new(fences: Sequence[Fence], known: Collection[FenceId]) -> None:
    ids = [fence.id for fence in fences]
    if len(set(ids)) != len(ids) or any(fence_id in known for fence_id in ids):
        raise FenceRefused("A fence with this id is in use; remove it first, or give each its own id.")
