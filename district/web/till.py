"""Redeeming at the counter: a code typed or scanned, one clear answer, undone while the guest still stands there."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from babel.numbers import get_currency_precision
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from district.auth.models import Role
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbPool, Pool
from district.points.passes import PassUnknown
from district.redemptions import service
from district.redemptions.schemas import MOST_CODE, Use
from district.web import till_bill
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, show
from district.web.security import require_own_form
from district.web.staff import Staff
from district.web.till_bill import Basket, Sum, TillForm
from district.web.till_outcomes import OUTCOMES, BillWrong, Outcome, Place, bill_minor, refused_by
from district.web.till_queries import SPENDS_SQL, TILLS_SQL, USES_SQL
from district.web.till_words import left_out_words, refused_words, till_words
from push.stacking import MAX_COUPONS

router = APIRouter()
UNDO = timedelta(minutes=15)
"""How long the page offers to take a use back; programs may later."""
SHOWN = timedelta(hours=12)
TILL_COOKIE = "till"
REMEMBERED_S = 30 * 24 * 3600
LISTED = 10


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a press has led to: an outcome, a sum to settle, and what is left in the fields."""

    outcome: Outcome | None = None
    total: Sum | None = None
    basket: Basket = field(default_factory=Basket)
    code: str = ""
    bill: str = ""


async def places_of(pool: Pool, here: Staff, *, is_chinese: bool) -> list[Place]:
    """The merchant's tills, and its stores without one."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(TILLS_SQL, keys_of(here))).fetchall()
    return [
        Place(id=till_id or store_id, store=(name_zh if is_chinese else "") or name, till=till_name or "")
        for store_id, name, name_zh, till_id, till_name in rows
    ]


def keys_of(here: Staff) -> dict[str, Any]:
    return {"district_id": here.district.id, "merchant_id": here.principal.merchant_id}


def chosen(places: Sequence[Place], wanted: str) -> Place | None:
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
        **_filled(here, places, chosen(places, request.cookies.get(TILL_COOKIE, ""))),
        is_shell=True,
        outcome=None,
        total=None,
        basket=Basket(),
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
        "left_out_words": left_out_words,
        "refused_words": refused_words,
        "request_no": secrets.token_hex(12),
    }


async def page_of(
    request: Request,
    here: Staff,
    pool: Pool,
    clock: ClockDep,
    *,
    places: Sequence[Place],
    place: Place | None,
    done: Done | None = None,
) -> Response:
    done = done or Done()
    response = show(
        request,
        here,
        clock,
        "merchant/redeem.html",
        status=done.outcome.status if done.outcome else HTTPStatus.OK,
        **(_filled(here, places, place) | {"code": done.code, "bill": done.bill}),
        is_shell=False,
        outcome=done.outcome,
        total=done.total,
        basket=done.basket,
        uses=await _uses(here, pool, clock, places),
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


async def _uses(here: Staff, pool: Pool, clock: ClockDep, places: Sequence[Place]) -> list[Mapping[str, Any]]:
    """What was used last at the merchant's tills: coupons, and points as part payments."""
    now = clock.now()
    values = keys_of(here) | {"redemption_id": None, "spend_id": None, "since": now - SHOWN}
    titles = {f"till:{one.id}": one.title for one in places}
    async with pool.connection() as connection:
        coupons = await (await connection.execute(USES_SQL, values)).fetchall()
        spends = await (await connection.execute(SPENDS_SQL, values)).fetchall()
    names = ("id", "till", "at", "reversed_at", "value", "title")
    found = [dict(zip(names, row, strict=True)) | {"points": None} for row in coupons]
    names = ("id", "till", "at", "reversed_at", "points", "amount_minor")
    found += [dict(zip(names, row, strict=True)) for row in spends]
    newest = sorted(found, key=lambda one: one["at"], reverse=True)[:LISTED]
    return [
        one
        | {
            "till": titles.get(one["till"], ""),
            "may_undo": one["reversed_at"] is None and now - one["at"] <= UNDO and one["till"] in titles,
        }
        for one in newest
    ]


@router.get("/merchant/redeem")
async def show_redeem(
    request: Request, here: MerchantStaff, pool: DbPool, clock: ClockDep, till: str = ""
) -> Response:
    """The field for a code, ready to type."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    place = chosen(places, till or request.cookies.get(TILL_COOKIE, ""))
    return await page_of(request, here, pool, clock, places=places, place=place)


@router.post("/merchant/redeem", dependencies=[Depends(require_own_form)])
async def redeem(
    request: Request, here: MerchantStaff, pool: DbPool, clock: ClockDep, form: Annotated[TillForm, Form()]
) -> Response:
    """Use a code, or work out and settle a bill. The form's own number makes a second press, or a reload, the same use."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    place = next((one for one in places if str(one.id) == form.till), None)
    if place is None:
        return await page_of(request, here, pool, clock, places=places, place=chosen(places, ""))
    done = await _done(here, pool, clock, places, place, form)
    return await page_of(request, here, pool, clock, places=places, place=place, done=done)


async def _done(
    here: Staff, pool: Pool, clock: ClockDep, places: Sequence[Place], place: Place, form: TillForm
) -> Done:
    basket, typed = till_bill.gathered(form), form.code.strip()[:MOST_CODE]
    left = Done(basket=basket, code=form.code, bill=form.bill)
    try:
        minor = bill_minor(form.bill, here.district.currency)
    except BillWrong:
        return replace(left, outcome=Outcome(kind="bill-wrong", status=HTTPStatus.UNPROCESSABLE_ENTITY))
    at = at_till(here, place)
    try:
        if form.drop:
            return await _summed(pool, at, place, left, minor, clock=clock)
        if form.then == "settle" and not typed and minor is not None:
            return await _settled(pool, at, place, left, form, minor, clock=clock)
        if typed or (basket.is_empty and minor is None):
            basket = await till_bill.with_code(pool, at, basket, typed or "-", clock=clock)
        if minor is None and len(basket.codes) == 1 and not basket.pass_code:
            used = await service.redeem(pool, at, _use(typed, form.request_no), clock=clock)
            return Done(outcome=Outcome(kind="redeemed", used=used, at=used.redeemed_at))
        return await _summed(pool, at, place, replace(left, basket=basket, code=""), minor, clock=clock)
    except tuple(OUTCOMES) as refused:
        if isinstance(refused, PassUnknown):
            left = replace(left, basket=replace(left.basket, pass_code="", most_points=None))
        return replace(left, outcome=refused_by(refused, places))


async def _summed(
    pool: Pool, at: Principal, place: Place, left: Done, minor: int | None, *, clock: ClockDep
) -> Done:
    """The sum of what is there. Raises: as a quote does."""
    basket = left.basket
    if basket.is_empty:
        return left
    if minor is None:
        return replace(left, outcome=Outcome(kind="bill-needed", status=HTTPStatus.UNPROCESSABLE_ENTITY))
    if len(basket.codes) > MAX_COUPONS:
        fewer = replace(basket, codes=basket.codes[:MAX_COUPONS])
        return replace(
            left, basket=fewer, outcome=Outcome(kind="too-many", status=HTTPStatus.UNPROCESSABLE_ENTITY)
        )
    total, outcome = await till_bill.work_out(pool, at, place.id, minor, basket, clock=clock)
    return replace(left, total=total, basket=total.basket, outcome=outcome)


async def _settled(
    pool: Pool, at: Principal, place: Place, left: Done, form: TillForm, minor: int, *, clock: ClockDep
) -> Done:
    """Settled, if the sum was of just this; else the sum of this, to be looked at. Raises: as a bill does."""
    if form.mark != left.basket.mark(place.id, minor):
        return await _summed(pool, at, place, left, minor, clock=clock)
    settled = await till_bill.settle(pool, at, form, minor, left.basket, clock=clock)
    names = await till_bill.names_of(pool, at, [one.offer_id for one in settled.redemptions])
    return Done(outcome=Outcome(kind="settled", settled=settled, names=names, at=settled.at))


def _use(typed: str, request_no: str) -> Use:
    code = typed or "-"
    # With the code in it: who goes back to the old form and types another code asks for something else.
    mark = hashlib.sha256(code.encode()).hexdigest()[:12]
    return Use(code=code, use_request_no=f"web-{request_no}-{mark}")
