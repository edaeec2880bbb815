"""Tills, and the keys of tills, feeds and RADIUS servers."""

import json
import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from district.auth import idempotency
from district.auth import service as auth
from district.auth.idempotency import IdempotencyKey
from district.auth.models import ApiKey
from district.auth.principals import MerchantOrOperator
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.problems import NotFound
from district.stores import tills
from district.stores.models import Till
from district.stores.schemas import KeyView, MadeKey, NewKey, NewTill, TillChange, TillView

router = APIRouter(prefix="/v1/districts/{d}", tags=["tills"])


@router.get("/tills")
def list_tills(
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
    at: PlaceDep,
    store_id: uuid.UUID | None = None,
) -> Page[TillView]:
    """Tills, of one store if asked; a merchant sees its own."""
    statement = tills.seen_by(caller, district)
    if store_id is not None:
        statement = statement.where(Till.store_id == store_id)
    return paging.read(session, statement, Till.id, at, TillView.model_validate)


@router.post("/tills", status_code=HTTPStatus.CREATED, response_model=TillView)
def create_till(
    new: NewTill,
    request: Request,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a till in a store."""
    once = idempotency.Request(principal=caller, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: TillView.model_validate(tills.create(session, caller, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get("/tills/{till_id}")
def get_till(
    till_id: uuid.UUID, district: DistrictDep, caller: MerchantOrOperator, session: DbSession
) -> TillView:
    """One till."""
    return TillView.model_validate(tills.found(session, caller, district, till_id))


@router.patch("/tills/{till_id}")
def change_till(
    till_id: uuid.UUID,
    wanted: TillChange,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
) -> TillView:
    """Change a till."""
    row = tills.found(session, caller, district, till_id)
    return TillView.model_validate(tills.change(session, row, wanted))


@router.delete("/tills/{till_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_till(
    till_id: uuid.UUID, district: DistrictDep, caller: MerchantOrOperator, session: DbSession, clock: ClockDep
) -> None:
    """Delete a till; its keys end with it."""
    tills.delete(session, district, tills.found(session, caller, district, till_id), clock=clock)


@router.get("/keys")
def list_keys(
    district: DistrictDep, caller: MerchantOrOperator, session: DbSession, at: PlaceDep
) -> Page[KeyView]:
    """Keys, without their text; a merchant sees those that it made."""
    return paging.read(session, tills.keys_seen_by(caller, district), ApiKey.id, at, KeyView.model_validate)


@router.post("/keys", status_code=HTTPStatus.CREATED, response_model=MadeKey)
def create_key(
    new: NewKey,
    request: Request,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a key. Its text is in this answer only: the answer kept for an ``Idempotency-Key`` is without it."""
    texts: list[str] = []

    def make() -> KeyView:
        row, secret = tills.create_key(session, caller, district, new, clock=clock)
        texts.append(secret)
        return KeyView.model_validate(row)

    once = idempotency.Request(principal=caller, path=request.url.path, key=key, body=new)
    answer = idempotency.once(session, once, make, machine_now=clock.machine_now())
    if not texts:
        return answer
    shown = json.loads(bytes(answer.body)) | {"key": texts[0]}
    return JSONResponse(shown, status_code=answer.status_code, headers={"Cache-Control": "no-store"})


@router.get("/keys/{key_id}")
def get_key(
    key_id: uuid.UUID, district: DistrictDep, caller: MerchantOrOperator, session: DbSession
) -> KeyView:
    """One key, without its text."""
    row = session.scalar(tills.keys_seen_by(caller, district).where(ApiKey.id == key_id))
    if row is None:
        raise NotFound("No such key.")
    return KeyView.model_validate(row)


@router.delete("/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
def revoke_key(
    key_id: uuid.UUID, district: DistrictDep, caller: MerchantOrOperator, session: DbSession, clock: ClockDep
) -> None:
    """End a key."""
    auth.revoke_key(session, district.id, key_id, clock=clock, merchant_id=caller.merchant_id)
