"""What a campaign's rule says, as values: what brings an offer, when, where, how often and for how much."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from geo.coordinates import LonLat
from geo.zones import Area
from push.audience import Audience
from push.consent import Channel
from push.identifiers import StoreId
from push.limits import CapRule
from push.occurrences import Schedule


class TriggerKind(StrEnum):
    """What happens to a member, or by the clock, that may bring an offer."""

    ENTER = "fence.enter"
    EXIT = "fence.exit"
    DWELL = "fence.dwell"
    WIFI_JOIN = "wifi.join"
    STORE_VISIT = "store.visit"
    SCHEDULE = "schedule"
    PURCHASE = "purchase"
    BIRTHDAY = "member.birthday"
    VISITS = "member.visits"
    LAPSED = "member.lapsed"


FENCE_TRIGGERS = frozenset({TriggerKind.ENTER, TriggerKind.EXIT, TriggerKind.DWELL})
"""What only a fence can tell, so that a rule with one of them names a place."""
PLACELESS_TRIGGERS = frozenset(
    {TriggerKind.SCHEDULE, TriggerKind.BIRTHDAY, TriggerKind.VISITS, TriggerKind.LAPSED}
)
"""What happens without anybody knowing where the member is."""


class JoinKind(StrEnum):
    """Which joining of the Wi-Fi counts."""

    ANY = "any"
    FIRST = "first"
    RETURN = "return"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """One thing that may bring the offer; what does not belong to its kind is left at its default.

    dwell: how long a stay in the fence. join: which joining. visits: which visit to the campaign's stores
    counts, the first being 1. lapsed_after: how long a member has stayed away. cool_down: how long after
    this trigger brought an offer it brings the same member no other.
    """

    on: TriggerKind
    dwell: timedelta = timedelta(0)
    join: JoinKind = JoinKind.ANY
    visits: int = 0
    lapsed_after: timedelta = timedelta(0)
    schedule: Schedule | None = None
    cool_down: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnFence:
    """One or several polygons as they were drawn."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class StreetFence:
    """A street of the district's map, by the id of one of its parts: all within buffer_m of its line."""

    street: str
    buffer_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneFence:
    """A zone of the district, by its id or its slug; it brings its floor with it."""

    zone: str


Fence: TypeAlias = DrawnFence | CircleFence | BuildingFence | StreetFence | ZoneFence


@dataclass(frozen=True, kw_only=True, slots=True)
class Visited:
    """Whoever was in the store within these days; store_id None means any store of the campaign."""

    store_id: StoreId | None
    within: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """The ground of a rule: within, and near the campaign's stores, but in none of exclude.

    With neither within nor near_stores_m it has no ground, and no fence. floor None: that of its zone, else
    any. or_visited lets in who is elsewhere but was in a store lately.
    """

    within: Fence | None = None
    near_stores_m: float | None = None
    exclude: tuple[Fence, ...] = ()
    floor: str | None = None
    or_visited: Visited | None = None

    @property
    def has_ground(self) -> bool:
        return self.within is not None or self.near_stores_m is not None


ANYWHERE = Where()


class HolidayRule(StrEnum):
    """What public holidays of the district's country mean for a campaign."""

    ANY = "any"
    OFF = "off"
    ONLY = "only"


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """When offers may go out: all of these hold.

    opening_hours (read in the district's zone; None: at any hour); the store open, if that is asked for;
    no day of blackout (trading days, as all days of a district); what public_holidays says; from starts_at
    until before ends_at.
    """

    opening_hours: str | None = None
    and_store_open: bool = False
    blackout: frozenset[date] = frozenset()
    public_holidays: HolidayRule = HolidayRule.ANY
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def picks_days(self) -> bool:
        """Whether some days are left out altogether."""
        return bool(self.blackout) or self.public_holidays is not HolidayRule.ANY


class Priority(StrEnum):
    """The band in which a campaign competes: a higher one wins whatever the scores."""

    SERVICE = "service"
    PAID = "paid"
    NORMAL = "normal"
    FILLER = "filler"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdout:
    """How many percent of the members are left out as a control; salt None means the campaign's own."""

    percent: float
    salt: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Minor units of the district's currency that the campaign may cost, in all and each trading day."""

    total_minor: int | None = None
    per_day_minor: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StopWhen:
    """When the campaign ends by itself: any of these.

    redemptions and new_customers: as soon as it has brought so many. is_harm_watched: when members whom it reached are
    known to come less often than those held out. opt_out_share: when more than this share, 0..1, is known to stop
    messages after it.
    """

    redemptions: int | None = None
    new_customers: int | None = None
    is_harm_watched: bool = False
    opt_out_share: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How often one member may be reached; the narrowest decides.

    campaign counts offers of this campaign, merchant those of its merchant, overall all of the district,
    channels all that went by a channel. gap: how long after any offer there is no other.
    """

    campaign: CapRule
    merchant: CapRule | None = None
    overall: CapRule | None = None
    channels: Mapping[Channel, CapRule] = field(default_factory=lambda: MappingProxyType({}))
    gap: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignRule:
    """Who gets the offer, where, when, how often and for how much.

    per_minute: the most offers in a minute, None as many as come. per_member: the most a member ever gets.
    per_day: the most of a trading day, of all members together. holdout None: the district's own share.
    """

    triggers: tuple[Trigger, ...]
    where: Where
    when: When
    audience: Audience
    caps: Caps
    ttl: timedelta
    priority: Priority = Priority.NORMAL
    holdout: Holdout | None = None
    budget: Budget | None = None
    per_minute: int | None = None
    per_member: int | None = None
    per_day: int | None = None
    stop_when: StopWhen | None = None

    @property
    def has_fence(self) -> bool:
        """Whether a fence must be watched for it."""
        return any(trigger.on in FENCE_TRIGGERS for trigger in self.triggers)
