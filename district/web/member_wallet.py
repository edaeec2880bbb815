"""From a coupon's page into the wallet of the telephone."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from district.channels.kinds import wallet as kinds
from district.clock import Clock, ClockDep
from district.database import DbPool, Pool
from district.deliveries import wallet_passes, wallet_registrations
from district.deliveries.wallet_registrations import NO_DEVICE, Holder
from district.problems import NotFound, Unavailable
from district.sealing import SealBroken
from district.web.language import negotiate
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.wallet_service import answer, desk_of
from push.channels.provider_tokens import KeyUnreadable
from push.wording import Language

router = APIRouter()
PAGE = "/d/{slug}/offers/{offer_id}"


@router.get(PAGE + "/coupon.pkpass")
async def give_apple(
    offer_id: uuid.UUID, request: Request, reader: ReaderDep, pool: DbPool, clock: ClockDep
) -> Response:
    """The coupon as a pass for Apple's wallet."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    desk = await desk_of(request, reader.district.slug, pool, clock)
    row = (await wallet_passes.wallets_of(pool, reader.district.id)).get(kinds.APPLE)
    if row is None:
        return _gone(request, reader, clock)
    known = Holder(
        offer_id=offer_id,
        member_id=reader.member_id,
        language=Language(negotiate(request).value),
        state="",
    )
    try:
        return await answer(desk, row, known)
    except NotFound:
        return _gone(request, reader, clock)


@router.get(PAGE + "/google-wallet")
async def give_google(
    offer_id: uuid.UUID, request: Request, reader: ReaderDep, pool: DbPool, clock: ClockDep
) -> Response:
    """To Google's page that saves the coupon. It is told of changes from then on, whether it was saved or not."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    try:
        link = await _link(request, reader, pool, clock, offer_id)
    except NotFound:
        return _gone(request, reader, clock)
    return RedirectResponse(
        link, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


async def _link(request: Request, reader: Reader, pool: Pool, clock: Clock, offer_id: uuid.UUID) -> str:
    """Raises: NotFound, Unavailable."""
    desk = await desk_of(request, reader.district.slug, pool, clock)
    row = (await wallet_passes.wallets_of(pool, reader.district.id)).get(kinds.GOOGLE)
    if row is None:
        raise NotFound("This district has no coupons for Google's wallet.")
    coupon = await desk.coupon(reader.member_id, offer_id, Language(negotiate(request).value))
    known = await wallet_registrations.holder_of(pool, reader.district.id, offer_id)
    if known is None:
        raise NotFound("No such offer.")
    try:
        link = desk.google(coupon, row, now=clock.machine_now())
    except (SealBroken, ValidationError, KeyUnreadable) as error:
        raise Unavailable("The account of this wallet cannot be used: enter it anew.") from error
    await wallet_registrations.register(desk, row, known, NO_DEVICE, "")
    return link


def _gone(request: Request, reader: Reader, clock: Clock) -> Response:
    return show(request, reader, clock, "member/gone.html", status=HTTPStatus.NOT_FOUND)
