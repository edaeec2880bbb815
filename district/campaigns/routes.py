"""Campaign routes for merchants, properties and operators."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from district.auth.creating import CreatingDep
from district.auth.principals import CampaignStaff
from district.campaigns import finding, history, service
from district.campaigns.answers import compared, shown
from district.campaigns.schemas import (
    CampaignChange,
    CampaignOut,
    CampaignPage,
    ComparisonOut,
    HistoryPage,
    Move,
    NewCampaign,
)
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from push import campaign_document
from push.campaign_life import BY_CLOCK, CampaignAction, CampaignState

router = APIRouter(tags=["campaigns"])
PATH = "/v1/districts/{d}/campaigns"
MOST_VERSION = 2**31 - 1


@router.get("/v1/schemas/campaign")
def read_schema() -> JSONResponse:
    """JSON Schema (2020-12) of a campaign's rule and offer."""
    return JSONResponse(campaign_document.schema(), media_type="application/schema+json")


@router.post(PATH, status_code=201, response_model=CampaignOut)
def create(
    body: NewCampaign, principal: CampaignStaff, district: DistrictDep, creating: CreatingDep
) -> JSONResponse:
    """Make a draft; whatever its rule asks for that is not supported is named."""
    return creating.once(
        principal,
        body,
        lambda: service.create(creating.session, district, principal, body, clock=creating.clock),
    )


@router.get(PATH)
def read_page(
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    after: uuid.UUID | None = None,
    state: CampaignState | None = None,
    merchant_id: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=finding.MAX_PAGE)] = 50,
) -> CampaignPage:
    """The caller's campaigns, by key."""
    items, following = finding.page(
        session,
        district.id,
        principal,
        after_id=after,
        state=state,
        merchant_id=merchant_id,
        limit=limit,
    )
    return CampaignPage(items=items, next=following)


@router.get(PATH + "/{campaign_id}")
def read_one(
    campaign_id: uuid.UUID, principal: CampaignStaff, district: DistrictDep, session: DbSession
) -> CampaignOut:
    """One campaign."""
    row = finding.find(session, district.id, principal, campaign_id)
    return shown(session, principal, [row])[0]


@router.get(PATH + "/{campaign_id}/history")
def read_history(
    campaign_id: uuid.UUID,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=history.MAX_PAGE)] = 50,
) -> HistoryPage:
    """Who did what to it, when and why, the oldest first."""
    row = finding.find(session, district.id, principal, campaign_id)
    return history.page(session, principal, row, after_id=after, limit=limit)


@router.get(PATH + "/{campaign_id}/diff")
def read_differences(
    campaign_id: uuid.UUID,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    before: Annotated[int | None, Query(ge=1, le=MOST_VERSION)] = None,
    after: Annotated[int | None, Query(ge=1, le=MOST_VERSION)] = None,
) -> ComparisonOut:
    """What differs between two versions; of those not named, the one in force and the one that waits for approval."""
    row = finding.find(session, district.id, principal, campaign_id)
    return compared(session, row, before, after)


@router.patch(PATH + "/{campaign_id}")
def change(
    campaign_id: uuid.UUID,
    body: CampaignChange,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> CampaignOut:
    """Change it, if the version is still the one that the caller has seen."""
    return service.change(session, district, principal, campaign_id, body, clock=clock)


def _add_step(action: CampaignAction) -> None:
    def take(
        campaign_id: uuid.UUID,
        principal: CampaignStaff,
        district: DistrictDep,
        session: DbSession,
        clock: ClockDep,
        body: Move | None = None,
    ) -> CampaignOut:
        move = body or Move()
        return service.step(
            session,
            district.id,
            principal,
            campaign_id,
            action,
            clock=clock,
            version=move.version,
            reason=move.reason,
        )

    options: dict[str, Any] = {
        "name": f"{action}_campaign",
        "summary": f"{action.capitalize()} a campaign",
        "operation_id": f"{action}_campaign",
    }
    router.add_api_route(f"{PATH}/{{campaign_id}}/{action}", take, methods=["POST"], **options)


for _action in CampaignAction:
    if _action not in BY_CLOCK:
        _add_step(_action)
