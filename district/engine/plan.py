"""What an engine watches in a district: the fences of live campaigns, and zones for the live counts."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import shapely
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.campaigns.live import LiveCampaign, live_campaigns
from district.districts.service import DistrictInfo
from district.engine.queries import FINGERPRINT_SQL, ZONES_SQL
from geo.errors import GeoError
from geo.fence_index import Fence, FenceId, accuracy_limit_m
from geo.geojson import in_metres
from geo.metric import MAX_ERROR, LocalPlane
from geo.transitions import Kind
from push.campaign import Campaign
from push.rule import TriggerKind

PLANE_RADIUS_M = 5_000.0
NARROW_PLANE_RADIUS_M = 2_000.0
COARSEST_GATE_M = 15.0
"""A fence smaller than Wi-Fi can resolve still takes fixes this good; its exit buffer keeps it from flapping."""
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What crossing a fence means: the campaign, and which of its triggers the fence stands for."""

    campaign: Campaign
    on_enter: bool
    dwell: timedelta | None
    on_exit: bool = False

    def stayed(self, kind: Kind) -> timedelta:
        """How long who makes such a transition has stayed, as far as triggers ask."""
        return self.dwell if kind is Kind.DWELL and self.dwell is not None else timedelta(0)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All fences of a district at one moment."""

    fences: Mapping[FenceId, Fence] = field(default_factory=dict)
    campaigns: Mapping[FenceId, Watched] = field(default_factory=dict)
    zones: Mapping[FenceId, uuid.UUID] = field(default_factory=dict)
    fingerprint: tuple[object, ...] = ()


def plane_of(district: DistrictInfo) -> LocalPlane:
    """The district's plane: 5 km around its centre, less where the earth is too round for that."""
    try:
        return LocalPlane(anchor=district.center, radius_m=PLANE_RADIUS_M)
    except GeoError:
        log.warning("engine.plane_narrow", district=district.slug, error=MAX_ERROR)
        return LocalPlane(anchor=district.center, radius_m=NARROW_PLANE_RADIUS_M)


async def fingerprint(connection: AsyncConnection[TupleRow], district: DistrictInfo) -> tuple[object, ...]:
    """Equal while nothing that is watched has changed: what polling asks first."""
    cursor = await connection.execute(FINGERPRINT_SQL, {"district_id": district.id})
    return tuple(await cursor.fetchone() or ())


async def load(connection: AsyncConnection[TupleRow], district: DistrictInfo, plane: LocalPlane) -> Plan:
    """What is to be watched now. A fence that the plane cannot hold is left out and logged."""
    mark = await fingerprint(connection, district)
    fences: dict[FenceId, Fence] = {}
    campaigns: dict[FenceId, Watched] = {}
    for live in await live_campaigns(connection, district):
        for fence, watched in _of_campaign(live, plane):
            fences[fence.id], campaigns[fence.id] = fence, watched
    zones: dict[FenceId, uuid.UUID] = {}
    cursor = await connection.execute(ZONES_SQL, {"district_id": district.id})
    for id_, outline, floor in await cursor.fetchall():
        fence = Fence(id=FenceId(id_), polygon=shapely.from_wkb(bytes(outline)), floor=floor)
        if _fits(fence, plane):
            fences[fence.id], zones[fence.id] = fence, id_
    return Plan(fences=fences, campaigns=campaigns, zones=zones, fingerprint=mark)


def _of_campaign(live: LiveCampaign, plane: LocalPlane) -> Iterator[tuple[Fence, Watched]]:
    """One fence for crossing and the first dwell, one more for each further dwell: a fence counts one time only.

    None for a campaign that waits for other things than crossings.
    """
    if not live.campaign.rule.has_fence:
        return
    triggers = live.campaign.rule.triggers
    on_enter = any(trigger.on is TriggerKind.ENTER for trigger in triggers)
    on_exit = any(trigger.on is TriggerKind.EXIT for trigger in triggers)
    dwells = sorted({trigger.dwell for trigger in triggers if trigger.on is TriggerKind.DWELL})
    for number, dwell in enumerate(dwells or [None]):
        id_ = live.campaign.id if number == 0 else uuid.uuid5(live.campaign.id, f"dwell {dwell}")
        bare = Fence(id=FenceId(id_), polygon=live.fence, floor=live.floor, dwell=dwell)
        if not _fits(bare, plane):
            return
        gate_m = max(accuracy_limit_m(live.fence, plane), COARSEST_GATE_M)
        fence = Fence(id=bare.id, polygon=live.fence, floor=live.floor, dwell=dwell, max_accuracy_m=gate_m)
        yield (
            fence,
            Watched(
                campaign=live.campaign,
                on_enter=on_enter and number == 0,
                dwell=dwell,
                on_exit=on_exit and number == 0,
            ),
        )


def _fits(fence: Fence, plane: LocalPlane) -> bool:
    try:
        in_metres(fence.polygon, plane)
    except GeoError as error:
        log.warning("engine.fence_left_out", fence=str(fence.id), error=type(error).__name__)
        return False
    return True


def is_same(one: Fence | None, other: Fence) -> bool:
    """Whether visits of one fence are visits of the other."""
    return one is not None and (one is other or one.digest() == other.digest())
