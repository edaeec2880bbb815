"""A campaign's dry run, for whoever may see the campaign."""

import uuid
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session

from district.auth import limits
from district.auth.limits import Limit
from district.auth.principals import CampaignStaff
from district.auth.service import Principal
from district.campaigns import finding
from district.clock import Clock, ClockDep
from district.database import DbPool, session_scope
from district.districts.service import DistrictDep, DistrictInfo
from district.offers.preview import dry_run
from district.offers.preview_answer import answer
from district.offers.preview_schemas import PreviewOut

router = APIRouter(tags=["campaigns"])
PATH = "/v1/districts/{d}/campaigns/{campaign_id}/preview"
AN_HOUR = 60
"""Previews of an owner: many fences that differ a little would tell where single people walk."""


def take_turn(
    session: Session, district: DistrictInfo, principal: Principal, campaign_id: uuid.UUID, *, clock: Clock
) -> uuid.UUID:
    """Count a dry run of the owner's hour. Raises: NotFound for a campaign that the caller does not see, TooMany."""
    row = finding.find(session, district.id, principal, campaign_id)
    owner = row.merchant_id or principal.scope_id or district.id
    limit = Limit(
        subject=f"preview:{owner}",
        period=timedelta(hours=1),
        most=AN_HOUR,
        detail=f"At most {AN_HOUR} previews an hour: wait a while.",
        detail_zh=f"每小时最多预览 {AN_HOUR} 次，请稍后再试。",
    )
    limits.take(session, district.id, limit, clock=clock)
    return row.id


def _campaign(
    campaign_id: uuid.UUID, request: Request, principal: CampaignStaff, district: DistrictDep, clock: ClockDep
) -> uuid.UUID:
    """The campaign, if the caller may see it and has not asked too often. Raises: NotFound, TooMany."""
    with session_scope(request.app.state.sessions) as session:
        return take_turn(session, district, principal, campaign_id, clock=clock)


@router.get(PATH, operation_id="read_preview")
@router.post(PATH, operation_id="preview_campaign")
async def preview(
    campaign_id: Annotated[uuid.UUID, Depends(_campaign)],
    request: Request,
    district: DistrictDep,
    pool: DbPool,
    clock: ClockDep,
) -> PreviewOut:
    """Whom it would reach, whom not and why, what it would cost and when it would be through; nothing is kept."""
    settings = request.app.state.settings
    run = await dry_run(
        pool,
        district,
        campaign_id,
        now=clock.now(),
        fresh_for=settings.fresh_for,
        origin=settings.public_url or "",
    )
    return answer(run, district)
