"""Operators' interface to the RADIUS clients of a district."""

import json
import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.radius import service
from district.radius.models import RadiusClient
from district.radius.schemas import (
    MadeRadiusClient,
    NewRadiusClient,
    RadiusClientChange,
    RadiusClientView,
)

router = APIRouter(prefix="/v1/districts/{d}/radius-clients", tags=["radius"])


@router.post("", status_code=HTTPStatus.CREATED, response_model=MadeRadiusClient)
def create(
    new: NewRadiusClient,
    request: Request,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Register a NAS. Its secret is in this answer only: the answer kept for an ``Idempotency-Key`` is without it."""
    secrets: list[str] = []

    def make() -> RadiusClientView:
        row = service.create(session, district, new, clock=clock)
        secrets.append(row.secret)
        return _view(session, row)

    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    answer = idempotency.once(session, once, make, machine_now=clock.machine_now())
    if not secrets:
        return answer
    shown = json.loads(bytes(answer.body)) | {"secret": secrets[0]}
    return JSONResponse(shown, status_code=answer.status_code, headers={"Cache-Control": "no-store"})


@router.get("")
def list_(
    operator: Operator, district: DistrictDep, session: DbSession, place: PlaceDep
) -> Page[RadiusClientView]:
    """The district's RADIUS clients, the oldest first."""
    mine = select(RadiusClient).where(RadiusClient.district_id == district.id)
    return paging.read(session, mine, RadiusClient.id, place, lambda row: _view(session, row))


@router.get("/{client_id}")
def get(
    client_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession
) -> RadiusClientView:
    """One RADIUS client."""
    return _view(session, service.get(session, district, client_id))


@router.patch("/{client_id}")
def change(
    client_id: uuid.UUID,
    wanted: RadiusClientChange,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
) -> RadiusClientView:
    """Change a RADIUS client; FreeRADIUS knows it once its configuration is rendered again."""
    return _view(session, service.change(session, district, client_id, wanted))


@router.delete("/{client_id}", status_code=HTTPStatus.NO_CONTENT)
def delete(client_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession) -> None:
    """Forget a RADIUS client."""
    service.remove(session, district, client_id)


def _view(session: Session, row: RadiusClient) -> RadiusClientView:
    return RadiusClientView(
        id=row.id,
        name=row.name,
        address=row.address,
        gateway=service.gateway_slug(session, row),
        nas_identifier=row.nas_identifier,
        coa_address=row.coa_address,
        coa_port=row.coa_port,
        created_at=row.created_at,
    )
