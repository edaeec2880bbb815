"""Stores for their staff; what everyone may ask is in ``public``."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import MerchantOrOperator, Operator
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep, DistrictInfo
from district.stores import service
from district.stores.models import Store
from district.stores.schemas import NewStore, StoreChange, StoreView

router = APIRouter(prefix="/v1/districts/{d}/stores", tags=["stores"])


@router.get("")
def list_stores(
    district: DistrictDep, caller: MerchantOrOperator, session: DbSession, at: PlaceDep
) -> Page[StoreView]:
    """The district's stores, closed ones too; a merchant sees its own."""
    rows: Page[Store] = paging.read(session, service.seen_by(caller, district), Store.id, at, lambda row: row)
    return Page(items=service.views(session, district, rows.items), next=rows.next)


@router.post("", status_code=HTTPStatus.CREATED, response_model=StoreView)
def create_store(
    new: NewStore,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a store."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session, once, lambda: _made(session, district, new, clock), machine_now=clock.machine_now()
    )


@router.patch("/{store_id}")
def change_store(
    store_id: uuid.UUID,
    wanted: StoreChange,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
) -> StoreView:
    """Change a store; a merchant changes what its own store says of itself. Null takes the imported word again."""
    row = service.found(session, caller, district, store_id)
    return service.view(session, district, service.change(session, caller, district, row, wanted))


@router.delete("/{store_id}", status_code=HTTPStatus.NO_CONTENT)
def close_store(
    store_id: uuid.UUID, district: DistrictDep, operator: Operator, session: DbSession, clock: ClockDep
) -> None:
    """Close a store: it is found no more, and its past stays."""
    service.close(session, district, service.found(session, operator, district, store_id), clock=clock)


def _made(session: Session, district: DistrictInfo, new: NewStore, clock: Clock) -> StoreView:
    return service.view(session, district, service.create(session, district, new, clock=clock))
