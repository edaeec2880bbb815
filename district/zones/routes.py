"""Zones and access points, kept by the operator; zones are read by all staff."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.models import Role
from district.auth.principals import Operator, require
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.zones import service
from district.zones.models import AccessPoint, Zone
from district.zones.schemas import (
    AccessPointChange,
    AccessPointView,
    NewAccessPoint,
    NewZone,
    ZoneChange,
    ZoneView,
)

router = APIRouter(prefix="/v1/districts/{d}", tags=["zones"])
Staff = Annotated[Principal, Depends(require(Role.OPERATOR, Role.PROPERTY, Role.OBSERVER, Role.MERCHANT))]


@router.get("/zones")
def list_zones(district: DistrictDep, staff: Staff, session: DbSession, at: PlaceDep) -> Page[ZoneView]:
    """The district's zones."""
    mine = select(Zone).where(Zone.district_id == district.id)
    return paging.read(session, mine, Zone.id, at, service.zone_view)


@router.post("/zones", status_code=HTTPStatus.CREATED, response_model=ZoneView)
def create_zone(
    new: NewZone,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Draw a zone."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: service.zone_view(service.create_zone(session, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get("/zones/{zone_id}")
def get_zone(zone_id: uuid.UUID, district: DistrictDep, staff: Staff, session: DbSession) -> ZoneView:
    """One zone."""
    return service.zone_view(service.zone(session, district, zone_id))


@router.patch("/zones/{zone_id}")
def change_zone(
    zone_id: uuid.UUID, wanted: ZoneChange, district: DistrictDep, operator: Operator, session: DbSession
) -> ZoneView:
    """Change a zone."""
    row = service.zone(session, district, zone_id)
    return service.zone_view(service.change_zone(session, district, row, wanted))


@router.delete("/zones/{zone_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_zone(zone_id: uuid.UUID, district: DistrictDep, operator: Operator, session: DbSession) -> None:
    """Delete a zone that nothing refers to."""
    service.delete_zone(session, district, service.zone(session, district, zone_id))


@router.get("/access-points")
def list_access_points(
    district: DistrictDep, operator: Operator, session: DbSession, at: PlaceDep
) -> Page[AccessPointView]:
    """The district's access points."""
    mine = select(AccessPoint).where(AccessPoint.district_id == district.id)
    return paging.read(session, mine, AccessPoint.id, at, service.access_point_view)


@router.post("/access-points", status_code=HTTPStatus.CREATED, response_model=AccessPointView)
def create_access_point(
    new: NewAccessPoint,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make an access point; its MAC in any usual spelling."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: service.access_point_view(service.create_access_point(session, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get("/access-points/{access_point_id}")
def get_access_point(
    access_point_id: uuid.UUID, district: DistrictDep, operator: Operator, session: DbSession
) -> AccessPointView:
    """One access point."""
    return service.access_point_view(service.access_point(session, district, access_point_id))


@router.patch("/access-points/{access_point_id}")
def change_access_point(
    access_point_id: uuid.UUID,
    wanted: AccessPointChange,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
) -> AccessPointView:
    """Change an access point."""
    row = service.access_point(session, district, access_point_id)
    return service.access_point_view(service.change_access_point(session, district, row, wanted))


@router.delete("/access-points/{access_point_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_access_point(
    access_point_id: uuid.UUID, district: DistrictDep, operator: Operator, session: DbSession
) -> None:
    """Delete an access point."""
    service.delete_access_point(session, district, service.access_point(session, district, access_point_id))
