"""Join incentives: made and ended by the operator."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from district.auth.creating import CreatingDep
from district.auth.principals import Operator
from district.campaigns.shared_models import JoinIncentive
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.portal import incentive_service
from district.portal.incentive_schemas import IncentiveOut, NewIncentive

router = APIRouter(prefix="/v1/districts/{d}/join-incentives", tags=["campaigns"])


@router.post("", status_code=HTTPStatus.CREATED, response_model=IncentiveOut)
def create_incentive(
    new: NewIncentive, operator: Operator, district: DistrictDep, creating: CreatingDep
) -> JSONResponse:
    """Give something to people who join the Wi-Fi, once to each, whatever they agree to."""
    return creating.once(
        operator,
        new,
        lambda: incentive_service.create(creating.session, district, operator, new, clock=creating.clock),
    )


@router.get("")
def list_incentives(
    operator: Operator, district: DistrictDep, session: DbSession, at: PlaceDep
) -> Page[IncentiveOut]:
    """The district's incentives, and how many people got each."""
    wanted = incentive_service.listed(district.id)
    rows: Page[JoinIncentive] = paging.read(session, wanted, JoinIncentive.id, at, lambda row: row)
    return Page(items=incentive_service.shown(session, district.id, rows.items), next=rows.next)


@router.get("/{incentive_id}")
def read_incentive(
    incentive_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession
) -> IncentiveOut:
    """One incentive."""
    row = incentive_service.find(session, district.id, incentive_id)
    return incentive_service.shown(session, district.id, [row])[0]


@router.post("/{incentive_id}/end")
def end_incentive(
    incentive_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> IncentiveOut:
    """Stop it; what was given stays."""
    return incentive_service.end(
        session, incentive_service.find(session, district.id, incentive_id), clock=clock
    )
