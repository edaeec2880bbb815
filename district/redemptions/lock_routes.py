"""Routes of lock-outs: what is locked, and the operator's way to open it before its time."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.redemptions import locks
from district.redemptions.lock_schemas import LockId, LocksOut

router = APIRouter(prefix="/v1/districts/{d}/locks", tags=["redemptions"])


@router.get("")
def list_locks(principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep) -> LocksOut:
    """Tills and coupons that are locked because codes were refused too often, and what was lifted within a day."""
    return locks.standing(session, district.id, clock=clock)


@router.delete("/{lock_id}", status_code=HTTPStatus.NO_CONTENT)
def lift_lock(
    lock_id: Annotated[LockId, Path()], principal: Operator, session: DbSession, clock: ClockDep
) -> Response:
    """Open it before its time; the log says who did."""
    locks.lift(session, principal, locks.of_lock(lock_id), clock=clock)
    return Response(status_code=HTTPStatus.NO_CONTENT)
