"""Routes of tills."""

import uuid

from fastapi import APIRouter

from district.auth.principals import TillKey
from district.clock import ClockDep
from district.database import DbPool
from district.redemptions import service
from district.redemptions.schemas import Return, Returned, Use, Used

router = APIRouter(tags=["redemptions"])
PATH = "/v1/districts/{d}/redemptions"


@router.post(PATH)
async def redeem(body: Use, principal: TillKey, pool: DbPool, clock: ClockDep) -> Used:
    """Use an offer's code, once; a repeated request number gets the same answer."""
    return await service.redeem(pool, principal, body, clock=clock)


@router.post(PATH + "/{redemption_id}/reversal")
async def reverse(
    redemption_id: uuid.UUID, body: Return, principal: TillKey, pool: DbPool, clock: ClockDep
) -> Returned:
    """Take a redemption back."""
    return await service.reverse(pool, principal, redemption_id, body, clock=clock)
