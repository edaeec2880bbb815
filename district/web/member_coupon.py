"""One coupon to show at a till: a code that is new every half minute, or a short one for the till whose number is typed."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from district.clock import Clock, ClockDep
from district.database import DbPool, Pool
from district.deliveries import wallet_passes
from district.offers import code_keys, shown_codes, wallet
from district.problems import NotFound
from district.redemptions import holding, unlocking
from district.redemptions.refusals import CannotUnlock, CouponLocked, NumberUnknown
from district.redemptions.schemas import Unlocked
from district.web.language import negotiate
from district.web.member_pages import USABLE, open_stores
from district.web.member_queries import MARK_READ_SQL
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.security import require_own_form
from district.web.walking import walking_links
from district.web.worth import worth
from push.signed_code import STEP
from push.wording import Language

router = APIRouter()
PAGE = "/d/{slug}/offers/{offer_id}"
REFUSED = {NumberUnknown: "unknown", CannotUnlock: "over", CouponLocked: "locked"}


@dataclass(frozen=True, kw_only=True)
class Code:
    """The code to show now: its picture, and how long it is the one."""

    qr: Markup
    left_ms: int
    step_s: int = int(STEP.total_seconds())

    @property
    def left_s(self) -> int:
        """Whole seconds, at least one: a page without a script comes again after them."""
        return max(1, -(-self.left_ms // 1000))


@dataclass(frozen=True, kw_only=True)
class Typing:
    """What became of a till's number: the short code for it, or why there is none."""

    unlocked: Unlocked | None = None
    left_s: int = 0
    refused: str = ""
    number: str = ""


async def _code(
    request: Request, reader: Reader, pool: Pool, clock: Clock, offer_id: uuid.UUID
) -> Code | None:
    """The code of what can be used now; None of anything else."""
    async with pool.connection() as connection:
        found = await shown_codes.shown(
            connection,
            reader.district.id,
            reader.member_id,
            offer_id,
            secret=code_keys.secret_of(request.app.state.settings),
            clock=clock,
        )
    if found is None:
        return None
    left = found.expires_at - clock.machine_now()
    # Our own SVG of a code that consists of letters and digits.
    return Code(qr=Markup(wallet.qr_svg(found.text)), left_ms=max(0, left // timedelta(milliseconds=1)))  # noqa: S704


async def _held_until(reader: Reader, pool: Pool, clock: Clock, offer_id: uuid.UUID) -> datetime | None:
    async with pool.connection() as connection:
        return await holding.held_until(
            connection, reader.district.id, offer_id, machine_now=clock.machine_now()
        )


@router.get(PAGE)
async def show_offer(
    offer_id: uuid.UUID, request: Request, reader: ReaderDep, pool: DbPool, clock: ClockDep
) -> Response:
    """One offer: its code while it can be used, where to go, and why it came. Looking at it opens it."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    return await _page(request, reader, pool, clock, offer_id, typing=Typing())


@router.get(PAGE + "/code")
async def show_code(
    offer_id: uuid.UUID, request: Request, reader: ReaderDep, pool: DbPool, clock: ClockDep
) -> Response:
    """The code of now alone, for the page that shows it; 204 when there is none any more: the page says why."""
    if reader.principal is None:
        return Response(status_code=HTTPStatus.UNAUTHORIZED)
    code = await _code(request, reader, pool, clock, offer_id)
    if code is None:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
    return show(request, reader, clock, "member/offer_code.html", code=code)


@router.post(PAGE + "/unlock", dependencies=[Depends(require_own_form)])
async def unlock(
    offer_id: uuid.UUID,
    request: Request,
    reader: ReaderDep,
    pool: DbPool,
    clock: ClockDep,
    till_number: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    """A short code for the till that shows this number. A POST, so that it is in nobody's history."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    try:
        unlocked = await unlocking.unlock(pool, reader.principal, offer_id, till_number, clock=clock)
    except NotFound as missing:
        if not isinstance(missing, NumberUnknown):
            return _gone(request, reader, clock)
        typing = Typing(refused=REFUSED[NumberUnknown], number=till_number)
        return await _page(request, reader, pool, clock, offer_id, typing=typing, status=missing.status)
    except (CannotUnlock, CouponLocked) as refused:
        typing = Typing(refused=REFUSED[type(refused)], number=till_number)
        return await _page(request, reader, pool, clock, offer_id, typing=typing, status=refused.status)
    left_s = int((unlocked.expires_at - clock.machine_now()).total_seconds())
    typing = Typing(unlocked=unlocked, left_s=left_s)
    return await _page(request, reader, pool, clock, offer_id, typing=typing)


@router.post(PAGE + "/lock", dependencies=[Depends(require_own_form)])
async def lock(
    offer_id: uuid.UUID, request: Request, reader: ReaderDep, pool: DbPool, clock: ClockDep
) -> Response:
    """Free the coupon of the till that holds it."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    try:
        await unlocking.lock(pool, reader.principal, offer_id)
    except NotFound:
        return _gone(request, reader, clock)
    return RedirectResponse(f"/d/{reader.district.slug}/offers/{offer_id}", HTTPStatus.SEE_OTHER)


def _gone(request: Request, reader: Reader, clock: Clock) -> Response:
    return show(request, reader, clock, "member/gone.html", status=HTTPStatus.NOT_FOUND)


async def _page(
    request: Request,
    reader: Reader,
    pool: Pool,
    clock: Clock,
    offer_id: uuid.UUID,
    *,
    typing: Typing,
    status: int = HTTPStatus.OK,
) -> Response:
    try:
        offer = await wallet.find(
            pool,
            reader.district.id,
            reader.member_id,
            offer_id,
            now=clock.now(),
            language=Language(negotiate(request).value),
        )
    except NotFound:
        return _gone(request, reader, clock)
    keys = {"district_id": reader.district.id, "member_id": reader.member_id, "offer_id": offer_id}
    async with pool.connection() as connection:
        await connection.execute(MARK_READ_SQL, keys | {"now": clock.now()})
    places = open_stores(request, reader, offer.store_ids, clock)
    first = places[0].facts if places else None
    simulation = request.app.state.simulation.value
    code = await _code(request, reader, pool, clock, offer_id)
    return show(
        request,
        reader,
        clock,
        "member/offer.html",
        status=status,
        offer=offer,
        is_usable=offer.state in USABLE,
        code=code,
        typing=typing,
        held_until=await _held_until(reader, pool, clock, offer_id) if code else None,
        places=places,
        walks=walking_links(first.position, first.name, country=reader.district.country) if first else [],
        left_s=int((offer.valid_until - clock.now()).total_seconds()),
        speed=simulation.speed if simulation else 1,
        worth=worth,
        wallets=await wallet_passes.wallets_of(pool, reader.district.id) if code else {},
    )
