"""Merchants: kept by the operator; a merchant reads and names itself."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import MerchantOrOperator, Operator
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbSession, new_id
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep, DistrictInfo
from district.merchants.models import Merchant
from district.merchants.schemas import MerchantChange, MerchantView, NewMerchant
from district.problems import NotFound

router = APIRouter(prefix="/v1/districts/{d}/merchants", tags=["merchants"])


def _seen_by(caller: Principal, district: DistrictInfo) -> Select[Merchant]:
    statement = select(Merchant).where(Merchant.district_id == district.id)
    return statement if caller.merchant_id is None else statement.where(Merchant.id == caller.merchant_id)


def _found(session: Session, caller: Principal, district: DistrictInfo, merchant_id: uuid.UUID) -> Merchant:
    row = session.scalar(_seen_by(caller, district).where(Merchant.id == merchant_id))
    if row is None:
        raise NotFound("No such merchant.")
    return row


def _made(session: Session, district: DistrictInfo, new: NewMerchant, clock: Clock) -> MerchantView:
    row = Merchant(
        district_id=district.id, id=new_id(), name=new.name, name_zh=new.name_zh, created_at=clock.now()
    )
    session.add(row)
    session.flush()
    return MerchantView.model_validate(row)


@router.get("")
def list_merchants(
    district: DistrictDep, caller: MerchantOrOperator, session: DbSession, at: PlaceDep
) -> Page[MerchantView]:
    """The district's merchants; a merchant sees itself."""
    return paging.read(session, _seen_by(caller, district), Merchant.id, at, MerchantView.model_validate)


@router.post("", status_code=HTTPStatus.CREATED, response_model=MerchantView)
def create_merchant(
    new: NewMerchant,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a merchant."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session, once, lambda: _made(session, district, new, clock), machine_now=clock.machine_now()
    )


@router.get("/{merchant_id}")
def get_merchant(
    merchant_id: uuid.UUID, district: DistrictDep, caller: MerchantOrOperator, session: DbSession
) -> MerchantView:
    """One merchant."""
    return MerchantView.model_validate(_found(session, caller, district, merchant_id))


@router.patch("/{merchant_id}")
def change_merchant(
    merchant_id: uuid.UUID,
    wanted: MerchantChange,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
) -> MerchantView:
    """Rename a merchant."""
    row = _found(session, caller, district, merchant_id)
    for name, value in wanted.model_dump(exclude_none=True).items():
        setattr(row, name, value)
    session.flush()
    return MerchantView.model_validate(row)


@router.delete("/{merchant_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_merchant(
    merchant_id: uuid.UUID, district: DistrictDep, operator: Operator, session: DbSession
) -> None:
    """Delete a merchant that has no store and no campaign."""
    paging.delete(session, _found(session, operator, district, merchant_id), "merchant")
