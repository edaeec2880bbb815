"""Joint events: opened by the operator, entered by merchants."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from district.auth.creating import CreatingDep
from district.auth.principals import CampaignStaff, MerchantOrOperator, Operator
from district.campaigns import joint, joint_answers
from district.campaigns.joint_schemas import Enrolment, JointEventList, JointEventOut, NewJointEvent
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep

router = APIRouter(prefix="/v1/districts/{d}/joint-events", tags=["campaigns"])


@router.post("", status_code=HTTPStatus.CREATED, response_model=JointEventOut)
def open_event(
    new: NewJointEvent, operator: Operator, district: DistrictDep, creating: CreatingDep
) -> JSONResponse:
    """Open a joint event: a campaign of the operator, approved, in which stores enrol until a date."""
    return creating.once(
        operator,
        new,
        lambda: joint.open_event(creating.session, district, operator, new, clock=creating.clock),
    )


@router.get("")
def list_events(
    staff: CampaignStaff, district: DistrictDep, session: DbSession, clock: ClockDep
) -> JointEventList:
    """The district's joint events, the newest first."""
    rows = joint.listed(session, district.id)
    return JointEventList(items=joint_answers.shown(session, staff, rows, now=clock.now()))


@router.get("/{event_id}")
def read_event(
    event_id: uuid.UUID, staff: CampaignStaff, district: DistrictDep, session: DbSession, clock: ClockDep
) -> JointEventOut:
    """One joint event."""
    found = joint.find(session, district.id, event_id)
    return joint_answers.shown(session, staff, [found], now=clock.now())[0]


@router.post("/{event_id}/enrolments")
def enrol_stores(
    event_id: uuid.UUID,
    body: Enrolment,
    caller: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> JointEventOut:
    """Enrol stores, up to the date; the operator may do so for any merchant."""
    return joint.enrol(session, caller, event_id, body.store_ids, clock=clock)


@router.delete("/{event_id}/enrolments/{store_id}")
def leave_event(
    event_id: uuid.UUID,
    store_id: uuid.UUID,
    caller: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> JointEventOut:
    """Take a store out again, up to the date."""
    return joint.leave(session, caller, event_id, store_id, clock=clock)
