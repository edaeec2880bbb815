"""Routes of points: the operator's rule, members' balances, payments at tills."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from district.auth.principals import Operator, Shopper, TillKey
from district.clock import ClockDep
from district.database import DbPool, DbSession
from district.districts.service import DistrictDep, RegistryDep
from district.points import outstanding, passes, reading, spending
from district.points.schemas import (
    OutstandingOut,
    PassOut,
    PointsOut,
    ReturnBody,
    ReturnOut,
    RuleBody,
    SpendBody,
    SpendOut,
)

router = APIRouter(tags=["points"])
PATH = "/v1/districts/{d}"


@router.get(PATH + "/points-rule")
def get_rule(district: DistrictDep, operator: Operator, session: DbSession) -> RuleBody:
    """What earns points, and what one pays."""
    return reading.rule(session, district.id)


@router.put(PATH + "/points-rule")
def put_rule(
    body: RuleBody, district: DistrictDep, operator: Operator, session: DbSession, clock: ClockDep
) -> RuleBody:
    """Replace it; it holds from the next earning on."""
    return reading.set_rule(session, district.id, body, now=clock.now())


@router.get(PATH + "/points/outstanding")
def get_outstanding(district: DistrictDep, operator: Operator, session: DbSession) -> OutstandingOut:
    """What members hold, when it ends, and what is owed for it."""
    return outstanding.of(session, district)


@router.get("/v1/me/points")
def get_points(
    shopper: Shopper,
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
    after: Annotated[uuid.UUID | None, Query(description="The last id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PointsOut:
    """The member's points: balance, what ends next, and every change, the newest first."""
    district = registry.by_id[shopper.district_id]
    return reading.of_member(session, district, shopper.subject_id, now=clock.now(), after=after, limit=limit)


@router.post("/v1/me/points/pass", status_code=HTTPStatus.CREATED)
async def make_pass(shopper: Shopper, pool: DbPool, clock: ClockDep) -> PassOut:
    """A code for five minutes that shows a till who the member is."""
    return await passes.issue(pool, shopper.district_id, shopper.subject_id, clock=clock)


@router.post(PATH + "/points/spends")
async def spend(body: SpendBody, principal: TillKey, pool: DbPool, clock: ClockDep) -> SpendOut:
    """Pay a part with a member's points; a repeated request number gets the same answer."""
    return await spending.spend(pool, principal, body, clock=clock)


@router.post(PATH + "/points/spends/{spend_id}/return")
async def give_back(
    spend_id: uuid.UUID, body: ReturnBody, principal: TillKey, pool: DbPool, clock: ClockDep
) -> ReturnOut:
    """Undo a part payment."""
    return await spending.give_back(pool, principal, spend_id, body, clock=clock)
