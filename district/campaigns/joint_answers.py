"""Joint events as staff see them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import funding
from district.campaigns.joint_schemas import JointEventOut
from district.campaigns.models import Campaign, CampaignStock
from district.campaigns.shared_models import JointEnrolment, JointEvent
from push.campaign_life import FINAL, CampaignState


@dataclass(frozen=True, kw_only=True)
class Found:
    """A joint event with its campaign."""

    event: JointEvent
    campaign: Campaign


def shown(
    session: Session, principal: Principal, rows: Sequence[Found], *, now: datetime
) -> list[JointEventOut]:
    """Joint events as staff see them: everybody what they are, a merchant its own stores, the operator all."""
    ids = [one.campaign.id for one in rows]
    district_id = principal.district_id
    enrolled: dict[uuid.UUID, list[JointEnrolment]] = {}
    for row in session.scalars(
        select(JointEnrolment)
        .where(JointEnrolment.district_id == district_id, JointEnrolment.campaign_id.in_(ids))
        .order_by(JointEnrolment.store_id)
    ):
        enrolled.setdefault(row.campaign_id, []).append(row)
    shares = funding.of(session, district_id, ids)
    stocks = select(CampaignStock.campaign_id, CampaignStock.quota).where(
        CampaignStock.district_id == district_id, CampaignStock.campaign_id.in_(ids)
    )
    quotas = {id_: quota for id_, quota in session.execute(stocks)}  # noqa: C416
    return [
        _shown(
            one,
            enrolled.get(one.campaign.id, []),
            _seen(principal, enrolled.get(one.campaign.id, [])),
            is_open=now < one.event.enrol_until and one.campaign.state not in FINAL,
            more={"funding": shares.get(one.campaign.id, []), "stock": quotas.get(one.campaign.id)},
        )
        for one in rows
    ]


def _seen(principal: Principal, enrolled: Sequence[JointEnrolment]) -> list[uuid.UUID]:
    return [
        row.store_id
        for row in enrolled
        if principal.role is Role.OPERATOR or row.merchant_id == principal.merchant_id
    ]


def _shown(
    one: Found,
    enrolled: Sequence[JointEnrolment],
    store_ids: list[uuid.UUID],
    *,
    is_open: bool,
    more: dict[str, Any],
) -> JointEventOut:
    campaign, event = one.campaign, one.event
    return JointEventOut(
        id=campaign.id,
        name=campaign.name,
        state=CampaignState(campaign.state),
        version=campaign.version,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        enrol_until=event.enrol_until,
        is_open=is_open,
        categories=event.categories,
        terms=event.terms,
        rule=campaign.rule,
        offer=campaign.offer,
        stores=len(enrolled),
        merchants=len({row.merchant_id for row in enrolled}),
        store_ids=store_ids,
        **more,
    )
