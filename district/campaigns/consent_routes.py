"""Consents of properties to campaigns in their buildings: given by the property, or by the operator on its behalf."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import PropertyOrOperator
from district.campaigns import consents
from district.campaigns.consents import ConsentOut, NewConsent, Withdrawal, WithdrawnOut
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep

router = APIRouter(prefix="/v1/districts/{d}/properties/{property_id}/territory-consents", tags=["campaigns"])


class ConsentList(BaseModel):
    """A property's consents, those that stand first."""

    items: list[ConsentOut]


@router.get("")
def list_consents(
    property_id: uuid.UUID, caller: PropertyOrOperator, district: DistrictDep, session: DbSession
) -> ConsentList:
    """Whose campaigns may reach into the property's building, and whose could."""
    return ConsentList(items=consents.of(session, consents.of_property(session, caller, property_id)))


@router.post("", status_code=HTTPStatus.CREATED, response_model=ConsentOut)
def grant_consent(
    property_id: uuid.UUID,
    new: NewConsent,
    request: Request,
    caller: PropertyOrOperator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Let somebody's campaigns reach into the property's building."""
    place = consents.of_property(session, caller, property_id)
    once = idempotency.Request(principal=caller, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: consents.grant(session, caller, place, new, clock=clock),
        machine_now=clock.machine_now(),
    )


@router.post("/{consent_id}/withdraw")
def withdraw_consent(
    property_id: uuid.UUID,
    consent_id: uuid.UUID,
    caller: PropertyOrOperator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    body: Withdrawal | None = None,
) -> WithdrawnOut:
    """Take a consent back; campaigns that relied on it are paused and say why."""
    place = consents.of_property(session, caller, property_id)
    return consents.withdraw(session, caller, place, consent_id, body or Withdrawal(), clock=clock)
