"""Other live campaigns that would reach the same members at the same moment."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from district.campaigns.live import live_campaigns
from district.districts.service import DistrictInfo
from district.offers import preview_queries as queries
from district.offers.planning import Connection, Range, check
from push.campaign import Campaign, may_offer
from push.policy import DecisionPolicy
from push.rule import TriggerKind

COMPARED: Final = 10
"""Live campaigns that are looked at for the same members."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How many of the sampled members another live campaign would reach as well."""

    campaign: Campaign
    name: str
    members: int


async def overlap(
    connection: Connection,
    district: DistrictInfo,
    campaign: Campaign,
    sample: Sequence[uuid.UUID],
    trigger: TriggerKind,
    *,
    at: datetime,
    policy: DecisionPolicy,
) -> list[Overlap]:
    """Other live campaigns that nothing keeps from the same members at that moment."""
    values = {
        "district_id": district.id,
        "campaign_id": campaign.id,
        "merchant_id": campaign.merchant_id,
        "limit": COMPARED,
    }
    ids = [row[0] for row in await (await connection.execute(queries.OTHERS_SQL, values)).fetchall()]
    others = [
        one.campaign
        for one in await live_campaigns(connection, district, only=ids)
        if may_offer(one.campaign, at)
    ]
    if not others or not sample:
        return []
    checked = await check(
        connection,
        district,
        others,
        trigger=trigger,
        policy=policy,
        now=at,
        among=Range(members=list(sample)),
    )
    counted = [(one, len(checked.free(one.id))) for one in others]
    return [
        Overlap(campaign=one, name=one.offer.title.en or one.offer.title.zh or "", members=members)
        for one, members in counted
        if members
    ]
