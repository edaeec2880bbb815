"""A merchant's tills and their keys; a key's text is shown once."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import ApiKey, Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.text import LABEL_MOST
from district.problems import NotFound
from district.stores import tills
from district.stores.models import Till
from district.stores.schemas import NewKey, NewTill
from district.web.merchant_pages import MerchantStaff, not_found, own_stores, show
from district.web.security import require_own_form
from district.web.staff import Staff

router = APIRouter()
MOST = 500


def _page(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    *,
    fresh_key: str = "",
    fresh_till: Till | None = None,
    is_wrong: bool = False,
) -> Response:
    own = session.scalars(
        tills.seen_by(here.principal, here.district).order_by(Till.name, Till.id).limit(MOST)
    )
    keys = session.scalars(
        tills.keys_seen_by(here.principal, here.district)
        .where(ApiKey.role == Role.TILL, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id)
        .limit(MOST)
    )
    by_till: dict[uuid.UUID | None, list[ApiKey]] = {}
    for key in keys:
        by_till.setdefault(key.scope_id, []).append(key)
    return show(
        request,
        here,
        clock,
        "merchant/tills.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK,
        tills=list(own),
        keys=by_till,
        stores=own_stores(session, here),
        fresh_key=fresh_key,
        fresh_till=fresh_till,
        is_wrong=is_wrong,
    )


@router.get("/merchant/tills")
def show_tills(request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep) -> Response:
    """The tills of the own shops, and the keys that let their programs in."""
    return _page(request, here, session, clock)


@router.post("/merchant/tills", dependencies=[Depends(require_own_form)])
def add_till(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    store_id: Annotated[uuid.UUID, Form()],
    name: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Make a till in an own shop."""
    try:
        new = NewTill(store_id=store_id, name=name)
    except ValidationError:
        return _page(request, here, session, clock, is_wrong=True)
    try:
        tills.create(session, here.principal, here.district, new, clock=clock)
    except NotFound:
        return not_found(request, here, clock)
    return RedirectResponse("/merchant/tills", HTTPStatus.SEE_OTHER)


@router.post("/merchant/tills/{till_id}/keys", dependencies=[Depends(require_own_form)])
def add_key(
    till_id: uuid.UUID, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep
) -> Response:
    """Make a key for a till; this answer alone shows its text."""
    try:
        till = tills.found(session, here.principal, here.district, till_id)
    except NotFound:
        return not_found(request, here, clock)
    new = NewKey(role=Role.TILL, scope_id=till.id, label=till.name[:LABEL_MOST])
    _row, secret = tills.create_key(session, here.principal, here.district, new, clock=clock)
    return _page(request, here, session, clock, fresh_key=secret, fresh_till=till)


@router.post("/merchant/keys/{key_id}/revoke", dependencies=[Depends(require_own_form)])
def revoke_key(
    key_id: uuid.UUID, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep
) -> Response:
    """End a key of one's own."""
    try:
        auth.revoke_key(
            session, here.district.id, key_id, clock=clock, merchant_id=here.principal.merchant_id
        )
    except NotFound:
        return not_found(request, here, clock)
    return RedirectResponse("/merchant/tills", HTTPStatus.SEE_OTHER)
