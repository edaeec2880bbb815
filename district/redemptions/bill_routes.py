"""Routes of bills: the best sum of what a member shows, and settling it."""

from fastapi import APIRouter

from district.auth.principals import TillKey
from district.clock import ClockDep
from district.database import DbPool
from district.redemptions import bills, quoting
from district.redemptions.bill_schemas import BillBody, BillOut, QuoteBody, QuoteOut

router = APIRouter(tags=["redemptions"])
PATH = "/v1/districts/{d}/redemptions"


@router.post(PATH + "/quote")
async def quote(body: QuoteBody, principal: TillKey, pool: DbPool, clock: ClockDep) -> QuoteOut:
    """The best legal payment of a bill by coupons, member price and points, and why not the rest; nothing is used."""
    return await quoting.quote(pool, principal, body, clock=clock)


@router.post(PATH + "/bill")
async def settle(body: BillBody, principal: TillKey, pool: DbPool, clock: ClockDep) -> BillOut:
    """Use coupons and points on one bill together, all or nothing; a repeated request number gets the same answer."""
    return await bills.settle(pool, principal, body, clock=clock)
