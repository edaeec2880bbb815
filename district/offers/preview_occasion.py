"""The occasion that a dry run tries: of which kind, when, and how it looks to one member."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from district.districts.service import DistrictInfo
from geo.coordinates import LonLat
from push.campaign import Campaign, may_offer, next_change
from push.decision import Crossing
from push.identifiers import VisitId
from push.rule import PLACELESS_TRIGGERS, JoinKind, TriggerKind

LOOKED_AHEAD = 200
"""Openings and closings at most, before a campaign is taken to be shut for good."""
_KEYS = uuid.UUID("4d5b5a0e-0a51-5c55-8a3c-3d2b0f1f6d52")


def tried(campaign: Campaign) -> Sequence[int]:
    """The triggers that are tried, by their place in the rule: the first of each kind."""
    kinds: dict[TriggerKind, int] = {}
    for number, trigger in enumerate(campaign.rule.triggers):
        kinds.setdefault(trigger.on, number)
    return tuple(kinds.values())


def moment_of(campaign: Campaign, number: int, district: DistrictInfo, now: datetime) -> datetime:
    """When it would take place next: its schedule's next time, else the next moment of its hours."""
    schedule = campaign.rule.triggers[number].schedule
    if schedule is not None:
        coming = schedule.upcoming(now, default_zone=district.zone, most=1)
        return coming[0].starts_at if coming else now
    at = now
    for _ in range(LOOKED_AHEAD):
        if may_offer(campaign, at):
            return at
        following = next_change(campaign, at)
        if following is None or following <= at:
            return now
        at = following
    return now


def crossing_of(campaign: Campaign, number: int, member_id: uuid.UUID, at: datetime) -> Crossing:
    """An occasion of this trigger that is all that the rule asks for."""
    first = campaign.rule.triggers[number]
    ground = None if first.on in PLACELESS_TRIGGERS else campaign.ground
    inside = None if ground is None or ground.is_empty else ground.representative_point()
    return Crossing(
        trigger=first.on,
        number=number,
        campaign_id=campaign.id,
        visit_id=VisitId(uuid.uuid5(_KEYS, f"{campaign.id}|{member_id}|{at.isoformat()}")),
        at=at,
        received_at=at,
        dwell=first.dwell,
        position=None if inside is None else LonLat(lon=inside.x, lat=inside.y),
        store_id=campaign.store_ids[0] if campaign.store_ids else None,
        joins=1 if first.join is JoinKind.FIRST else 2,
        visits=first.visits,
        away_for=first.lapsed_after,
    )
