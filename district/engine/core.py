"""The heart of the engine: fixes and ticks in, triggers and counts out. No clock, no database: the stream's time is its time."""

import heapq
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from district.engine.devices import MEMBERS, Devices
from district.engine.plan import Plan, is_same
from district.sightings.batch import (
    NO_MEMBER,
    Batch,
    Columns,
    Integers,
    Message,
    columns_of,
    instant,
    microseconds,
)
from geo import fences
from geo.coordinates import LonLat
from geo.fence_index import FenceId, FenceIndex, FencePolicy
from geo.fence_snapshot import restore, snapshot
from geo.fence_state import FenceState
from geo.fences import advance, tick
from geo.metric import LocalPlane
from geo.transitions import Fixes, Kind, Transitions
from push.campaign import Campaign, may_offer, next_change
from push.decision import Crossing, visit_id
from push.rule import TriggerKind

PRESENT_FOR = timedelta(minutes=10)
"""A device silent this long has left the district."""
LOOK_AGAIN = timedelta(hours=24)
FAR = 1 << 62
_TRIGGERS = {Kind.ENTER: TriggerKind.ENTER, Kind.DWELL: TriggerKind.DWELL, Kind.EXIT: TriggerKind.EXIT}
Flags: TypeAlias = npt.NDArray[np.bool_]
FindMembers = Callable[[npt.NDArray[np.void]], npt.NDArray[np.void]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Triggered:
    """A member's crossing of a campaign's fence: what is to be decided, at the stream's time."""

    member_id: uuid.UUID
    campaign: Campaign
    crossing: Crossing
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Who is in the district now, and in each zone."""

    devices: int
    members: int
    zones: dict[uuid.UUID, tuple[int, int]]
    """Devices and members."""


def fence_policy(*, confirm: bool) -> FencePolicy:
    """How crossings are told from noise."""
    return FencePolicy(confirmations=2 if confirm else 1, idle=PRESENT_FOR)


class Core:
    """All fence state of one district. One writer."""

    def __init__(
        self, plan: Plan, plane: LocalPlane, *, policy: FencePolicy, find_members: FindMembers
    ) -> None:
        self.plan = plan
        self.plane = plane
        self.now_ms = 0
        self._find_members = find_members
        self.index = FenceIndex(list(plan.fences.values()), plane=plane, policy=policy)
        self.state = FenceState(self.index)
        self.devices = Devices()
        self._changes: list[tuple[datetime, FenceId]] = []
        self._changes_at_us = FAR
        self._watches = np.zeros(0, np.bool_)
        self._watches_exits: Flags | None = None
        """None: no campaign waits for anybody to leave."""
        self._set_masks()

    def apply(self, messages: Iterable[Message]) -> list[Triggered]:
        """Take messages in the order of the stream; what they trigger, in that order."""
        triggered: list[Triggered] = []
        waiting: list[Batch] = []
        for message in messages:
            if isinstance(message, Batch):
                if message.received_at_us >= self._changes_at_us:
                    # What arrived before a window opens or closes is judged by the window of before.
                    triggered += self._advance(waiting)
                    waiting = []
                    self._pass_time(message.received_at_us)
                waiting.append(message)
                continue
            triggered += self._advance(waiting)
            waiting = []
            triggered += self._tick(message.received_at_us)
        return triggered + self._advance(waiting)

    def change(self, plan: Plan) -> None:
        """Watch other fences from now on; those that stay keep their visits."""
        before, after = self.plan.fences, plan.fences
        gone = [id_ for id_, fence in before.items() if not is_same(after.get(id_), fence)]
        new = [fence for id_, fence in after.items() if not is_same(before.get(id_), fence)]
        self.plan = plan
        if gone or new:
            fences.change(self.state, self.index, add=new, remove=gone, at_ms=self.now_ms)
        self._set_masks()

    def recognise(self) -> None:
        """Ask again whose every device is: members join, and are forgotten, while they walk."""
        names = list(self.devices.rows)
        if names:
            found = self._find_members(np.frombuffer(b"".join(names), "V16"))
            self.devices.assign(self.state, names, found)

    def counts(self) -> Counts:
        """Devices and members that were seen lately, in the district and in each zone."""
        is_member = self.state.segment == MEMBERS
        zones = {}
        for fence_id, zone_id in self.plan.zones.items():
            rows = self.state.rows_inside(self.index.slots[fence_id])
            zones[zone_id] = (len(rows), int(is_member[rows].sum()))
        return Counts(devices=len(self.state), members=int((is_member & self.state.used).sum()), zones=zones)

    def positions(self, most: int) -> list[tuple[float, float]]:
        """Where some of the devices are, to four decimals of a degree."""
        rows = np.flatnonzero(self.state.used)
        rows = rows[:: max(1, -(-len(rows) // most))]
        places = np.round(np.column_stack((self.devices.lon[rows], self.devices.lat[rows])), 4)
        places = places[~np.isnan(places).any(axis=1)]
        return [(lon, lat) for lon, lat in places.tolist()]

    def freeze(self) -> tuple[bytes, tuple[bytes, bytes, bytes]]:
        """All that is needed to go on from here."""
        return snapshot(self.state, self.index), self.devices.packed()

    def thaw(self, state: bytes, devices: tuple[bytes, bytes, bytes], *, now_ms: int) -> None:
        """Go on from what was frozen, on the fences of now. Raises: SnapshotInvalid."""
        self.state = restore(state, self.index)
        self.now_ms = now_ms
        self.devices = Devices()
        self.devices.unpack(self.state, *devices)
        self._set_masks()

    def _advance(self, batches: Sequence[Batch]) -> list[Triggered]:
        if not batches:
            return []
        parts = [columns_of(batch) for batch in batches]
        received_us = np.repeat([batch.received_at_us for batch in batches], [len(part) for part in parts])
        self._pass_time(int(received_us.max(initial=0)))
        fixes, lon, lat = self._fixes(parts)
        crossed = advance(self.state, self.index, fixes)
        self.devices.lon[fixes.row], self.devices.lat[fixes.row] = lon, lat
        if self._watches_exits is None:
            return self._triggered(crossed, received_us)
        return self._triggered(crossed, received_us, np.concatenate([part.floor < 0 for part in parts]))

    def _fixes(
        self, parts: Sequence[Columns]
    ) -> tuple[Fixes, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        lon = np.concatenate([part.lon for part in parts])
        lat = np.concatenate([part.lat for part in parts])
        names: list[bytes] = [name for part in parts for name in part.device.tolist()]
        row, new = self.devices.rows_of(self.state, names)
        if new:
            self._introduce(new, names, np.concatenate([part.member for part in parts]))
        x_m, y_m = self.plane.to_metres_or_nan(lon, lat)
        fixes = Fixes(
            row=row,
            x_m=x_m,
            y_m=y_m,
            at_ms=np.concatenate([part.at_ms for part in parts]),
            accuracy_m=np.concatenate([part.accuracy_m for part in parts]).astype(np.float64),
            floor=np.concatenate([self._floor_codes(part) for part in parts]),
        )
        return fixes, lon, lat

    def _introduce(self, new: list[bytes], names: list[bytes], said: npt.NDArray[np.void]) -> None:
        """Whose the new devices are: as the row itself says, else as their pseudonym is known."""
        found = self._find_members(np.frombuffer(b"".join(new), "V16")).copy()
        if (said != np.void(NO_MEMBER)).any():
            first = {name: place for place, name in reversed(list(enumerate(names)))}
            of_row = said[[first[name] for name in new]]
            found = np.where(of_row != np.void(NO_MEMBER), of_row, found)
        self.devices.assign(self.state, new, found)

    def _floor_codes(self, part: Columns) -> Integers:
        codes = np.array([*(self.index.floor_code(floor) for floor in part.floors), 0], np.int64)
        return codes[part.floor]

    def _tick(self, received_us: int) -> list[Triggered]:
        self._pass_time(received_us)
        moment = tick(self.state, self.index, self.now_ms)
        triggered = self._triggered(moment.transitions, np.array([received_us], np.int64))
        self.devices.forget(moment.evicted)
        return triggered

    def _triggered(
        self, crossed: Transitions, received_us: Integers, is_floorless: Flags | None = None
    ) -> list[Triggered]:
        """Of all transitions, those that a campaign waits for, by members; is_floorless: the fixes without a floor."""
        wanted = (crossed.kind != Kind.EXIT) & self._watches[crossed.slot]
        if self._watches_exits is not None:
            wanted |= self._left(crossed, self._watches_exits, is_floorless)
        found: list[Triggered] = []
        for place in np.flatnonzero(wanted).tolist():
            one = self._trigger(crossed, place, received_us)
            if one is not None:
                found.append(one)
        return found

    def _left(self, crossed: Transitions, watches: Flags, is_floorless: Flags | None) -> Flags:
        """Which of the transitions are departures that a campaign waits for.

        That a fix says nothing of its floor ends a stay in a fence bound to one, but nobody has been seen to leave.
        """
        left: Flags = (crossed.kind == Kind.EXIT) & watches[crossed.slot]
        if is_floorless is not None:
            for place in np.flatnonzero(left & is_floorless[crossed.fix]).tolist():
                left[place] = self.index.fence(int(crossed.slot[place])).floor is None
        return left

    def _trigger(self, crossed: Transitions, place: int, received_us: Integers) -> Triggered | None:
        row, kind = int(crossed.row[place]), Kind(int(crossed.kind[place]))
        fence = self.index.fence(int(crossed.slot[place]))
        watched = self.plan.campaigns[fence.id]
        member_id = self.devices.members.get(row)
        if member_id is None or (kind is Kind.ENTER and not watched.on_enter):
            return None
        now = instant(int(received_us[crossed.fix[place]]))
        if kind is Kind.EXIT and not may_offer(watched.campaign, now):
            return None  # its hours ended, which ends every stay: nobody has left
        return Triggered(
            member_id=member_id,
            campaign=watched.campaign,
            now=now,
            crossing=Crossing(
                trigger=_TRIGGERS[kind],
                campaign_id=watched.campaign.id,
                visit_id=visit_id(member_id, str(fence.id), instant(int(crossed.entered_ms[place]) * 1000)),
                at=instant(int(crossed.at_ms[place]) * 1000),
                received_at=now,
                dwell=watched.stayed(kind),
                position=self._last_position(row),
            ),
        )

    def _last_position(self, row: int) -> LonLat | None:
        lon, lat = float(self.devices.lon[row]), float(self.devices.lat[row])
        return None if np.isnan(lon) else LonLat(lon=lon, lat=lat)

    def _pass_time(self, received_us: int) -> None:
        """The stream's time never goes back; windows that open or close by it flip their fences' bits."""
        self.now_ms = max(self.now_ms, received_us // 1000)
        if received_us < self._changes_at_us:
            return
        now = instant(self.now_ms * 1000)
        while self._changes and self._changes[0][0] <= now:
            self._open_or_close(heapq.heappop(self._changes)[1], now)
        self._note_next_change()

    def _note_next_change(self) -> None:
        self._changes_at_us = microseconds(self._changes[0][0]) if self._changes else FAR

    def _open_or_close(self, fence_id: FenceId, now: datetime) -> None:
        campaign = self.plan.campaigns[fence_id].campaign
        self.index.set_live([fence_id], may_offer(campaign, now))
        heapq.heappush(self._changes, (next_change(campaign, now) or now + LOOK_AGAIN, fence_id))

    def _set_masks(self) -> None:
        """Strangers see zones, members everything that is open at this moment."""
        self.index.set_segment(0, self.plan.zones)
        self.index.set_segment(MEMBERS, self.plan.fences)
        self._watches = np.zeros(self.index.raster.capacity, np.bool_)
        slots = [self.index.slots[fence_id] for fence_id in self.plan.campaigns]
        self._watches[np.array(slots, np.int64)] = True
        exits = [self.index.slots[id_] for id_, watched in self.plan.campaigns.items() if watched.on_exit]
        self._watches_exits = np.zeros(self.index.raster.capacity, np.bool_) if exits else None
        if self._watches_exits is not None:
            self._watches_exits[np.array(exits, np.int64)] = True
        self._changes = []
        now = instant(self.now_ms * 1000)
        for fence_id in self.plan.campaigns:
            self._open_or_close(fence_id, now)
        self._note_next_change()
