"""What a campaign is: its rule and the states it goes through, as values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeAlias

from geo import geojson
from geo.coordinates import LonLat
from geo.zones import Area
from push.audience import Audience
from push.errors import PushError
from push.identifiers import CampaignId, MerchantId, StoreId
from push.limits import CapRule
from push.offer import OfferContent
from push.wording import Localised


class TriggerKind(StrEnum):
    """What a member does that may bring an offer."""

    ENTER = "fence.enter"
    DWELL = "fence.dwell"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """Entering the fence, or having stayed in it for a while (zero when entering is enough)."""

    on: TriggerKind
    dwell: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnFence:
    """A polygon as it was drawn."""

    area: Area


@dataclass(frozen=True, kw_only=True, slots=True)
class CircleFence:
    """All places within radius_m of a centre."""

    centre: LonLat
    radius_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildingFence:
    """A building of the district's map, by its id there, widened by buffer_m."""

    building: str
    buffer_m: float


Fence: TypeAlias = DrawnFence | CircleFence | BuildingFence


def area_of(fence: Fence, *, building: Callable[[str], Area]) -> Area:
    """The ground a fence covers; building finds the outline of a building by its id.

    Raises: GeometryRefused; whatever building raises when it knows none.
    """
    match fence:
        case DrawnFence():
            return fence.area
        case CircleFence():
            return geojson.circle(fence.centre, fence.radius_m)
        case BuildingFence():
            outline = building(fence.building)
            return geojson.buffer(outline, fence.buffer_m) if fence.buffer_m else outline


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """The hours in which offers may go out: opening_hours syntax, read in the district's zone.

    opening_hours None means at any hour.
    """

    opening_hours: str | None = None
    and_store_open: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignRule:
    """Who gets the offer, where, when and how often."""

    triggers: tuple[Trigger, ...]
    fence: Fence
    when: When
    audience: Audience
    campaign_cap: CapRule
    ttl: timedelta


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"
    CANCELLED = "cancelled"


class CampaignAction(StrEnum):
    """What may be done to a campaign; START is done by the clock, the rest by people."""

    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


_S, _A = CampaignState, CampaignAction

TRANSITIONS: Mapping[tuple[CampaignState, CampaignAction], CampaignState] = MappingProxyType(
    {
        (_S.DRAFT, _A.SUBMIT): _S.IN_REVIEW,
        (_S.DRAFT, _A.END): _S.CANCELLED,
        (_S.IN_REVIEW, _A.APPROVE): _S.APPROVED,
        (_S.IN_REVIEW, _A.REJECT): _S.DRAFT,
        (_S.IN_REVIEW, _A.END): _S.CANCELLED,
        (_S.APPROVED, _A.START): _S.LIVE,
        (_S.APPROVED, _A.END): _S.CANCELLED,
        (_S.LIVE, _A.PAUSE): _S.PAUSED,
        (_S.LIVE, _A.END): _S.ENDED,
        (_S.PAUSED, _A.RESUME): _S.LIVE,
        (_S.PAUSED, _A.END): _S.ENDED,
    }
)

EDITABLE = frozenset({CampaignState.DRAFT})


class TransitionRefused(PushError):
    """An action that the campaign's state does not allow."""

    def __init__(self, state: CampaignState, action: CampaignAction) -> None:
        self.state, self.action = state, action
        allowed = ", ".join(sorted(actions(state))) or "nothing"
        super().__init__(f"A campaign that is {state} cannot {action}; it allows {allowed}.")


def actions(state: CampaignState) -> frozenset[CampaignAction]:
    """What may be done in this state."""
    return frozenset(action for before, action in TRANSITIONS if before is state)


def after(state: CampaignState, action: CampaignAction) -> CampaignState:
    """The state that the action leads to.

    Raises: TransitionRefused.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        raise TransitionRefused(state, action) from None


class Hours(Protocol):
    """When something is open (True), shut or of unknown hours; geo.hours.Window and Hours are such."""

    def is_open(self, now: datetime, /) -> bool | None: ...

    def next_change(self, now: datetime, /) -> datetime | None:
        """When it opens or shuts next; None when not soon enough to know."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """A campaign as decisions see it.

    window holds rule.when.opening_hours in the district's zone (None: at any hour), store_hours those of
    the store. prior is the believed share of such offers that is redeemed, 0..1.
    """

    id: CampaignId
    version: int
    merchant_id: MerchantId
    store_ids: tuple[StoreId, ...]
    store_name: Localised
    state: CampaignState
    rule: CampaignRule
    offer: OfferContent
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    window: Hours | None = None
    store_hours: Hours | None = None
    prior: float = 0.05
    is_sold_out: bool = False


def may_offer(campaign: Campaign, now: datetime) -> bool:
    """Whether its dates, its hours, and its store's if it asks for them, hold now; unknown is not open."""
    has_begun = campaign.starts_at is None or campaign.starts_at <= now
    has_ended = campaign.ends_at is not None and campaign.ends_at <= now
    return (
        has_begun
        and not has_ended
        and all(hours is not None and hours.is_open(now) is True for hours in _asked_hours(campaign))
    )


def closes_at(campaign: Campaign, now: datetime) -> datetime | None:
    """When a campaign that may offer now may not any more, in UTC; None when that is not soon."""
    changes = [hours.next_change(now) for hours in _asked_hours(campaign) if hours is not None]
    # In UTC: two times of one zone compare by their clocks, which is wrong across a change of them.
    ends = [end.astimezone(UTC) for end in (campaign.ends_at, *changes) if end is not None]
    return min(ends, default=None)


def _asked_hours(campaign: Campaign) -> Sequence[Hours | None]:
    asked: list[Hours | None] = []
    if campaign.rule.when.opening_hours is not None:
        asked.append(campaign.window)
    if campaign.rule.when.and_store_open:
        asked.append(campaign.store_hours)
    return asked
