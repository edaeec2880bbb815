"""What a campaign is: its rule compiled for a district, and when it may offer, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from geo.zones import Area
from push.audience_facts import Owner
from push.campaign_life import CampaignAction as CampaignAction  # noqa: PLC0414 the states moved; importers follow
from push.campaign_life import CampaignState as CampaignState  # noqa: PLC0414
from push.identifiers import CampaignId, MerchantId, StoreId
from push.limits import Count
from push.offer import OfferContent
from push.rule import CampaignRule
from push.wording import Localised


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
    the store, days the trading days that rule.when lets through. ground is what rule.where came to. counted:
    the counts that other campaigns' caps read, to which each of its offers is added. owner: what the scopes of
    its audience stand for; None: the merchant.
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
    days: Hours | None = None
    ground: Area | None = None
    counted: frozenset[Count] = frozenset()
    is_sold_out: bool = False
    owner: Owner | None = None


def may_offer(campaign: Campaign, now: datetime) -> bool:
    """Whether its dates, its days, its hours, and its store's if it asks for them, hold now; unknown is not open."""
    when = campaign.rule.when
    has_begun = all(start is None or start <= now for start in (campaign.starts_at, when.starts_at))
    has_ended = any(end is not None and end <= now for end in (campaign.ends_at, when.ends_at))
    return (
        has_begun
        and not has_ended
        and all(hours is not None and hours.is_open(now) is True for hours in _asked_hours(campaign))
    )


def closes_at(campaign: Campaign, now: datetime) -> datetime | None:
    """When a campaign that may offer now may not any more, in UTC; None when that is not soon."""
    changes = [hours.next_change(now) for hours in _asked_hours(campaign) if hours is not None]
    # In UTC: two times of one zone compare by their clocks, which is wrong across a change of them.
    ends = [end for end in (campaign.ends_at, campaign.rule.when.ends_at, *changes) if end is not None]
    return min((end.astimezone(UTC) for end in ends), default=None)


def next_change(campaign: Campaign, now: datetime) -> datetime | None:
    """When ``may_offer`` may answer differently; never later than it does. None: not soon."""
    when = campaign.rule.when
    dates = (campaign.starts_at, campaign.ends_at, when.starts_at, when.ends_at)
    changes = (hours.next_change(now) for hours in _asked_hours(campaign) if hours is not None)
    return min((at for at in (*dates, *changes) if at is not None and at > now), default=None)


def _asked_hours(campaign: Campaign) -> Sequence[Hours | None]:
    asked: list[Hours | None] = []
    if campaign.rule.when.opening_hours is not None:
        asked.append(campaign.window)
    if campaign.rule.when.and_store_open:
        asked.append(campaign.store_hours)
    if campaign.rule.when.picks_days:
        asked.append(campaign.days)
    return asked
