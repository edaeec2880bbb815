"""Redeeming at the counter: a code typed or scanned, one clear answer, undone while the guest still stands there."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from babel.numbers import get_currency_precision
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from district.auth.models import Role
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbPool, Pool
from district.redemptions import service
from district.redemptions.refusals import (
    AlreadyReversed,
)
from district.redemptions.schemas import MOST_CODE, Return, Use
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, show
from district.web.security import require_own_form
from district.web.staff import Staff
from district.web.till_outcomes import OUTCOMES, BillWrong, Outcome, Place, bill_minor, refused_by
from district.web.till_queries import TILLS_SQL, USES_SQL
from district.web.till_words import till_words

router = APIRouter()
UNDO = timedelta(minutes=15)
"""How long the page offers to take a use back; programs may later."""
SHOWN = timedelta(hours=12)
TILL_COOKIE = "till"
REMEMBERED_S = 30 * 24 * 3600


async def places_of(pool: Pool, here: Staff, *, is_chinese: bool) -> list[Place]:
    """The merchant's tills, and its stores without one."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(TILLS_SQL, _keys(here))).fetchall()
    return [
        Place(id=till_id or store_id, store=(name_zh if is_chinese else "") or name, till=till_name or "")
        for store_id, name, name_zh, till_id, till_name in rows
    ]


def _keys(here: Staff) -> dict[str, Any]:
    return {"district_id": here.district.id, "merchant_id": here.principal.merchant_id}


def _chosen(places: Sequence[Place], wanted: str) -> Place | None:
    """The place that was named, else the first."""
    return next((place for place in places if str(place.id) == wanted), places[0] if places else None)


def at_till(here: Staff, place: Place) -> Principal:
    """The member of staff as a till of the own merchant."""
    return Principal(
        role=Role.TILL,
        district_id=here.district.id,
        district_slug=here.district.slug,
        subject_id=here.principal.subject_id,
        scope_id=place.id,
        merchant_id=here.principal.merchant_id,
    )


def shell_page(request: Request, here: Staff, clock: ClockDep, places: Sequence[Place]) -> Response:
    """The page as browsers keep it for when there is no line: it holds no answer."""
    return show(
        request,
        here,
        clock,
        "merchant/redeem.html",
        **_filled(here, places, _chosen(places, request.cookies.get(TILL_COOKIE, ""))),
        is_shell=True,
        outcome=None,
        uses=(),
    )


def _filled(here: Staff, places: Sequence[Place], place: Place | None) -> dict[str, Any]:
    return {
        "places": places,
        "place": place,
        "code": "",
        "bill": "",
        "longest_code": MOST_CODE,
        "digits": get_currency_precision(here.district.currency),
        "account": here.principal.subject_id,
        "till_words": till_words,
        "request_no": secrets.token_hex(12),
    }


async def _page(
    request: Request,
    here: Staff,
    pool: Pool,
    clock: ClockDep,
    *,
    places: Sequence[Place],
    place: Place | None,
    outcome: Outcome | None = None,
    code: str = "",
    bill: str = "",
) -> Response:
    since = clock.now() - SHOWN
    async with pool.connection() as connection:
        values = _keys(here) | {"redemption_id": None, "since": since}
        uses = await (await connection.execute(USES_SQL, values)).fetchall()
    titles = {f"till:{one.id}": one.title for one in places}
    response = show(
        request,
        here,
        clock,
        "merchant/redeem.html",
        status=outcome.status if outcome else HTTPStatus.OK,
        **(_filled(here, places, place) | {"code": code, "bill": bill}),
        is_shell=False,
        outcome=outcome,
        uses=[
            {
                "id": use[0],
                "till": titles.get(use[1], ""),
                "at": use[2],
                "reversed_at": use[3],
                "value": use[4],
                "title": use[5],
                "may_undo": use[3] is None and clock.now() - use[2] <= UNDO and use[1] in titles,
            }
            for use in uses
        ],
    )
    if place is not None:
        response.set_cookie(
            TILL_COOKIE,
            str(place.id),
            max_age=REMEMBERED_S,
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="lax",
        )
    return response


@router.get("/merchant/redeem")
async def show_redeem(
    request: Request, here: MerchantStaff, pool: DbPool, clock: ClockDep, till: str = ""
) -> Response:
    """The field for a code, ready to type."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    place = _chosen(places, till or request.cookies.get(TILL_COOKIE, ""))
    return await _page(request, here, pool, clock, places=places, place=place)


@router.post("/merchant/redeem", dependencies=[Depends(require_own_form)])
async def redeem(
    request: Request,
    here: MerchantStaff,
    pool: DbPool,
    clock: ClockDep,
    request_no: Annotated[str, Form(min_length=8, max_length=40, pattern=r"^[\x21-\x7e]+$")],
    code: Annotated[str, Form(max_length=2 * MOST_CODE)] = "",
    till: Annotated[str, Form(max_length=40)] = "",
    bill: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Use a code. The form's own number makes a second press, or a reload, the same use."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    place = next((one for one in places if str(one.id) == till), None)
    if place is None:
        return await _page(request, here, pool, clock, places=places, place=_chosen(places, ""))
    try:
        minor = bill_minor(bill, here.district.currency)
    except BillWrong:
        outcome = Outcome(kind="bill-wrong", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    else:
        use = _use(code, request_no, minor)
        outcome = await _outcome(here, pool, clock, places, place, use)
    is_done = outcome.kind == "redeemed"
    return await _page(
        request,
        here,
        pool,
        clock,
        places=places,
        place=place,
        outcome=outcome,
        code="" if is_done else code,
        bill="" if is_done else bill,
    )


def _use(code: str, request_no: str, minor: int | None) -> Use:
    typed = code.strip()[:MOST_CODE] or "-"
    # With the code in it: who goes back to the old form and types another code asks for something else.
    mark = hashlib.sha256(typed.encode()).hexdigest()[:12]
    return Use(code=typed, use_request_no=f"web-{request_no}-{mark}", bill_minor=minor)


async def _outcome(
    here: Staff, pool: Pool, clock: ClockDep, places: Sequence[Place], place: Place, use: Use
) -> Outcome:
    try:
        used = await service.redeem(pool, at_till(here, place), use, clock=clock)
    except tuple(OUTCOMES) as refused:
        return refused_by(refused, places)
    return Outcome(kind="redeemed", used=used, at=used.redeemed_at)


@router.post("/merchant/redeem/{redemption_id}/undo", dependencies=[Depends(require_own_form)])
async def undo(
    redemption_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    pool: DbPool,
    clock: ClockDep,
    return_no: Annotated[str, Form(min_length=8, max_length=60, pattern=r"^[\x21-\x7e]+$")],
) -> Response:
    """Take a use back within minutes; the coupon can be used again while it is valid."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    values = _keys(here) | {"redemption_id": redemption_id, "since": clock.now() - UNDO}
    async with pool.connection() as connection:
        row = await (await connection.execute(USES_SQL, values)).fetchone()
    place = next((one for one in places if row is not None and f"till:{one.id}" == row[1]), None)
    if place is None:
        late = Outcome(kind="late", status=HTTPStatus.CONFLICT)
        return await _page(request, here, pool, clock, places=places, place=_chosen(places, ""), outcome=late)
    try:
        back = Return(return_request_no=f"web-{return_no}")
        await service.reverse(pool, at_till(here, place), redemption_id, back, clock=clock)
    except AlreadyReversed:
        return RedirectResponse(f"/merchant/redeem?till={place.id}", HTTPStatus.SEE_OTHER)
    return await _page(request, here, pool, clock, places=places, place=place, outcome=Outcome(kind="undone"))
