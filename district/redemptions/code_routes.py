"""Routes of codes at the counter: a till's number, a member's typed code, and the keys that sign."""

import base64
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from district.auth.models import Role
from district.auth.principals import Operator, Shopper, TillKey, require
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbPool
from district.offers import code_keys
from district.offers.code_keys import StoredKey
from district.redemptions import till_numbers, unlocking
from district.redemptions.schemas import (
    CodeKeyOut,
    CodeKeysOut,
    NumberBody,
    NumberOut,
    RotateBody,
    Unlock,
    Unlocked,
)

router = APIRouter(tags=["redemptions"])
KEYS = "/v1/districts/{d}/redemptions/keys"
UNLOCK = "/v1/me/offers/{offer_id}/unlock"
TillOrOperator = Annotated[Principal, Depends(require(Role.TILL, Role.OPERATOR))]


@router.get(KEYS)
async def read_keys(
    principal: TillOrOperator, pool: DbPool, request: Request, clock: ClockDep
) -> CodeKeysOut:
    """The public keys that codes of members' pages are checked with, also off line; ask at least once a day."""
    now = clock.machine_now()
    async with pool.connection() as connection:
        await code_keys.signer(
            connection, principal.district_id, code_keys.secret_of(request.app.state.settings), now=now
        )
        keys = await code_keys.live(connection, principal.district_id, since=now)
    return CodeKeysOut(keys=_shown(keys), district_id=principal.district_id, now=now)


@router.post(KEYS)
async def rotate_keys(
    body: RotateBody, principal: Operator, pool: DbPool, request: Request, clock: ClockDep
) -> CodeKeysOut:
    """Make the next key; repeated before it signs, nothing more happens."""
    now = clock.machine_now()
    secret = code_keys.secret_of(request.app.state.settings)
    keys = await code_keys.rotate(pool, principal.district_id, secret, now=now, at_once=body.at_once)
    return CodeKeysOut(keys=_shown(keys), district_id=principal.district_id, now=now)


def _shown(keys: Sequence[StoredKey]) -> list[CodeKeyOut]:
    return [
        CodeKeyOut(
            key_id=one.key_id,
            public_key=base64.urlsafe_b64encode(one.public).rstrip(b"=").decode(),
            signs_from=one.signs_from,
            retires_at=one.retires_at,
        )
        for one in keys
    ]


@router.post("/v1/districts/{d}/tills/number")
async def show_number(body: NumberBody, principal: TillKey, pool: DbPool, clock: ClockDep) -> NumberOut:
    """The number that this till shows now, for members who cannot show a QR code."""
    return await till_numbers.show(pool, principal, body, clock=clock)


@router.post(UNLOCK)
async def unlock(
    offer_id: uuid.UUID, body: Unlock, principal: Shopper, pool: DbPool, clock: ClockDep
) -> Unlocked:
    """A short code for the till that shows this number, for two minutes; the coupon is held for that till meanwhile."""
    return await unlocking.unlock(pool, principal, offer_id, body.till_number, clock=clock)


@router.delete(UNLOCK, status_code=HTTPStatus.NO_CONTENT)
async def lock(offer_id: uuid.UUID, principal: Shopper, pool: DbPool) -> Response:
    """Take the short code back; the coupon can be used at any till again."""
    await unlocking.lock(pool, principal, offer_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
