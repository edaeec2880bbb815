"""Taking back at the till page, while the guest still stands there: one coupon, or the points that paid a part."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from district.clock import ClockDep
from district.database import DbPool
from district.points import spending
from district.points.schemas import ReturnBody
from district.problems import NotAllowed
from district.redemptions import service
from district.redemptions.refusals import AlreadyReversed
from district.redemptions.schemas import Return
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff
from district.web.security import require_own_form
from district.web.till import UNDO, Done, at_till, chosen, keys_of, page_of, places_of
from district.web.till_outcomes import Outcome
from district.web.till_queries import SPENDS_SQL, USES_SQL

router = APIRouter()
ReturnNo = Annotated[str, Form(min_length=8, max_length=60, pattern=r"^[\x21-\x7e]+$")]


@router.post("/merchant/redeem/{redemption_id}/undo", dependencies=[Depends(require_own_form)])
async def undo(
    redemption_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    pool: DbPool,
    clock: ClockDep,
    return_no: ReturnNo,
) -> Response:
    """Take a use back within minutes; the coupon can be used again while it is valid."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    values = keys_of(here) | {"redemption_id": redemption_id, "since": clock.now() - UNDO}
    async with pool.connection() as connection:
        row = await (await connection.execute(USES_SQL, values)).fetchone()
    place = next((one for one in places if row is not None and f"till:{one.id}" == row[1]), None)
    if place is None:
        late = Outcome(kind="late", status=HTTPStatus.CONFLICT)
        return await page_of(
            request, here, pool, clock, places=places, place=chosen(places, ""), done=Done(outcome=late)
        )
    try:
        back = Return(return_request_no=f"web-{return_no}")
        await service.reverse(pool, at_till(here, place), redemption_id, back, clock=clock)
    except AlreadyReversed:
        return RedirectResponse(f"/merchant/redeem?till={place.id}", HTTPStatus.SEE_OTHER)
    return await page_of(
        request, here, pool, clock, places=places, place=place, done=Done(outcome=Outcome(kind="undone"))
    )


@router.post("/merchant/redeem/points/{spend_id}/undo", dependencies=[Depends(require_own_form)])
async def undo_points(
    spend_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    pool: DbPool,
    clock: ClockDep,
    return_no: ReturnNo,
) -> Response:
    """Give points back within minutes that paid a part of a bill."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    values = keys_of(here) | {"spend_id": spend_id, "since": clock.now() - UNDO}
    async with pool.connection() as connection:
        row = await (await connection.execute(SPENDS_SQL, values)).fetchone()
    place = next((one for one in places if row is not None and f"till:{one.id}" == row[1]), None)
    if row is None or place is None:
        outcome = Outcome(kind="late", status=HTTPStatus.CONFLICT)
        return await page_of(
            request, here, pool, clock, places=places, place=chosen(places, ""), done=Done(outcome=outcome)
        )
    if row[3] is not None:
        return RedirectResponse(f"/merchant/redeem?till={place.id}", HTTPStatus.SEE_OTHER)
    outcome = Outcome(kind="points-back")
    try:
        back = ReturnBody(return_request_no=f"web-{return_no}")
        await spending.give_back(pool, at_till(here, place), spend_id, back, clock=clock)
    except NotAllowed:
        outcome = Outcome(kind="member-left", status=HTTPStatus.CONFLICT)
    return await page_of(request, here, pool, clock, places=places, place=place, done=Done(outcome=outcome))
