"""Routes of tills without a line, and of who looks at what they brought in."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from district.auth.principals import MerchantOrOperator, Operator, TillKey
from district.clock import ClockDep
from district.database import DbPool, DbSession
from district.districts.service import DistrictDep
from district.offers import code_keys
from district.redemptions import offline_kits, offline_policies, offline_reading, offline_settling
from district.redemptions.offline_models import Outcome
from district.redemptions.offline_reading import Wanted
from district.redemptions.offline_schemas import (
    BroughtInPage,
    Journal,
    JournalOut,
    Kit,
    OfflinePolicyBody,
    TillLimits,
)
from district.stores import tills

router = APIRouter(prefix="/v1/districts/{d}", tags=["redemptions"])


@router.get("/tills/offline-kit")
async def get_offline_kit(
    request: Request,
    response: Response,
    principal: TillKey,
    district: DistrictDep,
    pool: DbPool,
    clock: ClockDep,
    at: Annotated[AwareDatetime, Query(description="What the till's clock says now")],
    journal: Annotated[uuid.UUID | None, Query(description="None before the first kit")] = None,
) -> Kit:
    """All that a till needs to take coupons without a line for a while. Bring in what it took before asking again."""
    response.headers["Cache-Control"] = "no-store"
    asked = offline_kits.Asked(journal=journal, at=at)
    secret = code_keys.secret_of(request.app.state.settings)
    return await offline_kits.give(pool, district, principal, asked, secret=secret, clock=clock)


@router.delete("/tills/offline-kit", status_code=204)
async def give_offline_kit_back(
    principal: TillKey, pool: DbPool, clock: ClockDep, journal: Annotated[uuid.UUID, Query()]
) -> None:
    """Give back what is left of the quota: the device takes nothing more without a line."""
    await offline_kits.close(pool, principal, journal, clock=clock)


@router.post("/redemptions/offline")
async def bring_in(body: Journal, principal: TillKey, pool: DbPool, clock: ClockDep) -> JournalOut:
    """Settle what a till took without a line, in order; what was brought in before is answered alike."""
    return await offline_settling.settle(pool, principal, body, clock=clock)


@router.get("/redemptions/offline")
def list_brought_in(
    principal: MerchantOrOperator,
    session: DbSession,
    outcome: Outcome | None = None,
    charged: bool = False,
    after: uuid.UUID | None = None,
) -> BroughtInPage:
    """What tills brought in later, the newest first; a merchant sees its own."""
    wanted = Wanted(outcome=outcome, is_charged=charged, after=after)
    items = [one.entry for one in offline_reading.listed(session, principal, wanted)]
    return BroughtInPage(items=items, next=items[-1].id if len(items) == offline_reading.PAGE else None)


@router.get("/redemptions/offline.csv", response_class=Response)
def list_brought_in_as_csv(
    principal: MerchantOrOperator, session: DbSession, outcome: Outcome | None = None, charged: bool = False
) -> Response:
    """The same as CSV."""
    wanted = Wanted(outcome=outcome, is_charged=charged)
    return Response(
        offline_reading.as_csv(session, principal, wanted),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="offline.csv"', "Cache-Control": "no-store"},
    )


@router.get("/offline-policy")
def get_offline_policy(
    principal: MerchantOrOperator, district: DistrictDep, session: DbSession
) -> OfflinePolicyBody:
    """What tills may do without a line."""
    return OfflinePolicyBody.model_validate(offline_policies.read(session, district.id))


@router.put("/offline-policy")
def put_offline_policy(
    body: OfflinePolicyBody, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> OfflinePolicyBody:
    """Change it; for a till from its next kit on. Whoever has it from before gets a 409."""
    return OfflinePolicyBody.model_validate(offline_policies.change(session, district, body, clock=clock))


@router.get("/tills/{till_id}/offline")
def get_till_limits(
    till_id: uuid.UUID, principal: MerchantOrOperator, district: DistrictDep, session: DbSession
) -> TillLimits:
    """A till's own bounds."""
    return offline_policies.limits_of(session, tills.found(session, principal, district, till_id))


@router.put("/tills/{till_id}/offline")
def put_till_limits(
    till_id: uuid.UUID,
    body: TillLimits,
    principal: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
) -> TillLimits:
    """Bound a till more narrowly than the operator does; from its next kit on."""
    return offline_policies.set_limits(session, tills.found(session, principal, district, till_id), body)
