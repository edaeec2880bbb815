"""Properties of a district: kept by the operator, read by all staff."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import CampaignStaff, Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.stores import properties
from district.stores.models import Property
from district.stores.properties import NewProperty, PropertyChange, PropertyView

router = APIRouter(prefix="/v1/districts/{d}/properties", tags=["stores"])


@router.get("")
def list_properties(
    district: DistrictDep, staff: CampaignStaff, session: DbSession, at: PlaceDep
) -> Page[PropertyView]:
    """The district's properties and their outlines."""
    rows = select(Property).where(Property.district_id == district.id)
    return paging.read(session, rows, Property.id, at, properties.view)


@router.post("", status_code=HTTPStatus.CREATED, response_model=PropertyView)
def create_property(
    new: NewProperty,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a property."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: properties.view(properties.create(session, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get("/{property_id}")
def read_property(
    property_id: uuid.UUID, district: DistrictDep, staff: CampaignStaff, session: DbSession
) -> PropertyView:
    """One property."""
    return properties.view(properties.find(session, district.id, property_id))


@router.patch("/{property_id}")
def change_property(
    property_id: uuid.UUID,
    wanted: PropertyChange,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
) -> PropertyView:
    """Change a property. A new outline is looked at when a campaign is next made, approved or resumed."""
    row = properties.find(session, district.id, property_id)
    return properties.view(properties.change(session, row, wanted))


@router.delete("/{property_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_property(
    property_id: uuid.UUID, district: DistrictDep, operator: Operator, session: DbSession
) -> None:
    """Delete a property that no store, campaign or consent names."""
    paging.delete(session, properties.find(session, district.id, property_id), "property")
