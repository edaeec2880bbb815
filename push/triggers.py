"""Which of a rule's triggers an occasion is, and whether it took place where the rule asks for."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from geo.coordinates import LonLat
from geo.zones import covers
from push.audience_facts import Facts
from push.campaign import Campaign
from push.identifiers import StoreId
from push.rule import FENCE_TRIGGERS, PLACELESS_TRIGGERS, JoinKind, Trigger, TriggerKind, Visited


class Occasion(Protocol):
    """What happened, as far as triggers ask; what does not belong to its kind is None or nothing.

    number: which of the rule's triggers, when whoever noticed it knows. joins: how often the member has
    joined the Wi-Fi, this time included. visits: the same of visits to the campaign's stores.
    """

    @property
    def trigger(self) -> TriggerKind: ...
    @property
    def number(self) -> int | None: ...
    @property
    def dwell(self) -> timedelta: ...
    @property
    def position(self) -> LonLat | None: ...
    @property
    def store_id(self) -> StoreId | None: ...
    @property
    def joins(self) -> int: ...
    @property
    def visits(self) -> int: ...
    @property
    def away_for(self) -> timedelta: ...


def firing(campaign: Campaign, occasion: Occasion) -> Iterator[int]:
    """The triggers of the rule, counted from 0, that this occasion is."""
    for number, trigger in enumerate(campaign.rule.triggers):
        if occasion.number in {None, number} and _fires(trigger, occasion, campaign):
            yield number


def _fires(trigger: Trigger, occasion: Occasion, campaign: Campaign) -> bool:
    if trigger.on is not occasion.trigger:
        return False
    match trigger.on:
        case TriggerKind.DWELL:
            return occasion.dwell >= trigger.dwell
        case TriggerKind.WIFI_JOIN:
            return _is_joining(trigger.join, occasion.joins)
        case TriggerKind.STORE_VISIT | TriggerKind.PURCHASE:
            return occasion.store_id in campaign.store_ids
        case TriggerKind.VISITS:
            return occasion.visits == trigger.visits
        case TriggerKind.LAPSED:
            return occasion.away_for >= trigger.lapsed_after
        case _:
            return True


def _is_joining(join: JoinKind, joins: int) -> bool:
    match join:
        case JoinKind.ANY:
            return True
        case JoinKind.FIRST:
            return joins == 1
        case JoinKind.RETURN:
            return joins > 1


def is_in_place(campaign: Campaign, occasion: Occasion, facts: Facts, *, now: datetime) -> bool:
    """Whether the member is where the rule asks for, or was lately where it says.

    A crossing of the campaign's own fence is in place. Otherwise a position that is not known is in no ground, and
    visits that are not known were none.
    """
    where = campaign.rule.where
    if occasion.trigger in FENCE_TRIGGERS or not (where.has_ground or where.or_visited):
        return True
    if where.or_visited is not None and _has_visited(campaign, where.or_visited, facts, now):
        return True
    ground, position = campaign.ground, occasion.position
    return ground is not None and position is not None and covers(ground, position)


def is_by_location(campaign: Campaign, trigger: TriggerKind) -> bool:
    """Whether an offer that this kind of occasion brings is chosen by where the member is, or was lately."""
    return trigger not in PLACELESS_TRIGGERS or campaign.rule.where.or_visited is not None


def asks_for_visit(campaign: Campaign, trigger: TriggerKind) -> bool:
    """Whether nothing but an earlier visit can put such an occasion in place."""
    where = campaign.rule.where
    if where.or_visited is None or trigger in FENCE_TRIGGERS:
        return False
    return trigger in PLACELESS_TRIGGERS or not where.has_ground


def stores_to_visit(campaign: Campaign) -> Sequence[StoreId]:
    """The stores of which an earlier visit lets members in."""
    visited = campaign.rule.where.or_visited
    if visited is None:
        return ()
    return campaign.store_ids if visited.store_id is None else (visited.store_id,)


def _has_visited(campaign: Campaign, visited: Visited, facts: Facts, now: datetime) -> bool:
    stores = stores_to_visit(campaign)
    return any(
        stays.place.store_id in stores and stays.last_at is not None and now - stays.last_at <= visited.within
        for stays in facts.stays or ()
    )
