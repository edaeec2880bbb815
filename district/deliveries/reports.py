"""What became of a campaign: a merchant's own acts exactly, people's refusals only in groups."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.deliveries.queries import CAMPAIGN_REFUSALS_SQL, CAMPAIGN_REPORT_SQL

K = 10
"""Least number of people that a published figure of observed people stands for."""


class RefusalCount(BaseModel):
    """How often an offer was not made for one reason; null when fewer than ``k`` people stand behind it."""

    reason: str
    times: int | None
    members: int | None
    suppressed: bool


class CampaignReport(BaseModel):
    """From issued to redeemed, and why not."""

    campaign_id: uuid.UUID
    as_of: datetime
    issued: int = Field(description="Offers made and not withdrawn before they arrived")
    withdrawn: int = Field(description="Offers that never left: consent, hours or campaign had changed")
    delivered: int = Field(description="Offers that arrived in the inbox")
    opened: int
    redeemed: int
    k: int
    refusals: list[RefusalCount]


def of_campaign(
    session: Session, district_id: uuid.UUID, campaign_id: uuid.UUID, *, now: datetime
) -> CampaignReport:
    """The figures as they stand now."""
    values = {"district_id": district_id, "campaign_id": campaign_id}
    issued, withdrawn, delivered, opened, redeemed = session.execute(text(CAMPAIGN_REPORT_SQL), values).one()
    refusals = [
        RefusalCount(
            reason=reason,
            times=times if members >= K else None,
            members=members if members >= K else None,
            suppressed=members < K,
        )
        for reason, times, members in session.execute(text(CAMPAIGN_REFUSALS_SQL), values)
    ]
    return CampaignReport(
        campaign_id=campaign_id,
        as_of=now,
        issued=issued,
        withdrawn=withdrawn,
        delivered=delivered,
        opened=opened,
        redeemed=redeemed,
        k=K,
        refusals=refusals,
    )
