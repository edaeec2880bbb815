"""The fence rules written once more, one fix and one fence at a time, to hold the vectorised ones against."""

from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import shapely

from geo.fence_index import Fence, FenceId, FenceIndex, FencePolicy
from geo.geojson import in_metres
from geo.transitions import Kind, Transitions

Event = tuple[int, UUID, Kind, int, int]  # device, fence, kind, at, entered


@dataclass(slots=True)
class Visit:
    entered_ms: int
    dwelled: bool = False


@dataclass(slots=True)
class Device:
    last_ms: int
    segment: int = 0
    visits: dict[FenceId, Visit] = field(default_factory=dict)
    waiting: set[FenceId] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One fix of the oracle's stream."""

    device: int
    x_m: float
    y_m: float
    at_ms: int
    accuracy_m: float
    floor: str | None


class Oracle:
    def __init__(self, index: FenceIndex) -> None:
        self.policy: FencePolicy = index.policy
        self.fences: dict[FenceId, Fence] = {fence.id: fence for fence in index.fences.values()}
        self.inner = {fence.id: in_metres(fence.polygon, index.plane) for fence in self.fences.values()}
        self.outer = {
            fence_id: [shapely.buffer(area, buffer_m, quad_segs=4) for buffer_m in self.policy.exit_buffers_m]
            for fence_id, area in self.inner.items()
        }
        self.closed: set[FenceId] = set()
        self.allowed: dict[int, set[FenceId]] = {}
        self.devices: dict[int, Device] = {}

    def see(self, fix: Seen) -> list[Event]:
        device = self.devices.setdefault(fix.device, Device(last_ms=-1))
        if fix.at_ms <= device.last_ms:
            return []
        device.last_ms = fix.at_ms
        events: list[Event] = []
        for fence_id, fence in self.fences.items():
            if not (fence.max_accuracy_m == np.inf or fix.accuracy_m <= fence.max_accuracy_m):
                continue
            tracked = self.may(device, fence_id) and fence.floor in {None, fix.floor}
            if not self._confirmed(device, fence_id, tracked and self._is_in(fence_id, device, fix)):
                continue
            events += self._flip(fix, device, fence, tracked)
        return events

    def may(self, device: Device, fence_id: FenceId) -> bool:
        default = set(self.fences) if device.segment == 0 else set()
        return fence_id not in self.closed and fence_id in self.allowed.get(device.segment, default)

    def tick(self, now_ms: int) -> list[Event]:
        events: list[Event] = []
        for number, device in list(self.devices.items()):
            gone_ms = device.last_ms + self.policy.idle_ms
            for fence_id, visit in device.visits.items():
                due_ms = visit.entered_ms + self.fences[fence_id].dwell_ms
                if self.fences[fence_id].dwell_ms and not visit.dwelled and due_ms <= min(now_ms, gone_ms):
                    visit.dwelled = True
                    if self.may(device, fence_id):
                        events.append((number, fence_id, Kind.DWELL, due_ms, visit.entered_ms))
            if gone_ms <= now_ms:
                events += [(number, f, Kind.EXIT, gone_ms, v.entered_ms) for f, v in device.visits.items()]
                del self.devices[number]
        return events

    def _is_in(self, fence_id: FenceId, device: Device, fix: Seen) -> bool:
        if np.isnan(fix.x_m):
            return False
        point = shapely.Point(fix.x_m, fix.y_m)
        if fence_id not in device.visits or not self.policy.exit_buffers_m:
            return bool(shapely.intersects(self.inner[fence_id], point))
        wanted = 0 if np.isnan(fix.accuracy_m) else 2 * fix.accuracy_m
        level = next((i for i, b in enumerate(self.policy.exit_buffers_m) if b >= wanted), -1)
        both = shapely.intersects([self.inner[fence_id], self.outer[fence_id][level]], point)
        return bool(np.any(both))

    def _confirmed(self, device: Device, fence_id: FenceId, inside: bool) -> bool:
        if inside == (fence_id in device.visits):
            device.waiting.discard(fence_id)
            return False
        if self.policy.confirmations == 1 or fence_id in device.waiting:
            device.waiting.discard(fence_id)
            return True
        device.waiting.add(fence_id)
        return False

    def _flip(self, fix: Seen, device: Device, fence: Fence, tracked: bool) -> list[Event]:
        visit = device.visits.pop(fence.id, None)
        if visit is None:
            device.visits[fence.id] = Visit(entered_ms=fix.at_ms)
            return [(fix.device, fence.id, Kind.ENTER, fix.at_ms, fix.at_ms)]
        due_ms = visit.entered_ms + fence.dwell_ms
        late = fence.dwell_ms and not visit.dwelled and tracked and due_ms <= fix.at_ms
        dwell = [(fix.device, fence.id, Kind.DWELL, due_ms, visit.entered_ms)] if late else []
        return [*dwell, (fix.device, fence.id, Kind.EXIT, fix.at_ms, visit.entered_ms)]


def events_of(transitions: Transitions, index: FenceIndex, device_of: dict[int, int]) -> list[Event]:
    """Transitions in their order, with rows and slots turned into devices and fences."""
    columns = (transitions.row, transitions.slot, transitions.kind, transitions.at_ms, transitions.entered_ms)
    return [
        (device_of[row], index.fence(slot).id, Kind(kind), at_ms, entered_ms)
        for row, slot, kind, at_ms, entered_ms in zip(*(column.tolist() for column in columns), strict=True)
    ]
