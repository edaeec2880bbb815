"""The member's wallet."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from district.auth.principals import Shopper
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbPool, Pool
from district.offers import code_keys, shown_codes, wallet
from district.offers.schemas import OfferOut, OfferPage
from district.offers.shown_codes import Shown
from district.problems import NotFound
from push.wording import Language

router = APIRouter(tags=["member"])
Lang = Annotated[
    Language | None, Query(description="Language of the words; default: the one that the member chose")
]


@router.get("/v1/me/offers")
async def read_offers(
    principal: Shopper,
    pool: DbPool,
    clock: ClockDep,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=wallet.MAX_PAGE)] = 50,
    lang: Lang = None,
) -> OfferPage:
    """The member's offers, the newest first."""
    items, following = await wallet.offers_of(
        pool,
        principal.district_id,
        principal.subject_id,
        now=clock.now(),
        language=lang,
        after=after,
        limit=limit,
    )
    return OfferPage(items=items, next=following)


@router.get("/v1/me/offers/{offer_id}")
async def read_offer(
    offer_id: uuid.UUID,
    request: Request,
    response: Response,
    principal: Shopper,
    pool: DbPool,
    clock: ClockDep,
    lang: Lang = None,
) -> OfferOut:
    """One offer with the code to show now; looking at it marks it opened."""
    found = await wallet.find(
        pool, principal.district_id, principal.subject_id, offer_id, now=clock.now(), language=lang
    )
    code = await _code(request, principal, pool, clock, offer_id)
    response.headers["Cache-Control"] = "private, no-store"
    return found.model_copy(
        update={"qr": code.text if code else None, "qr_expires_at": code.expires_at if code else None}
    )


async def _code(
    request: Request, principal: Principal, pool: Pool, clock: Clock, offer_id: uuid.UUID
) -> Shown | None:
    async with pool.connection() as connection:
        return await shown_codes.shown(
            connection,
            principal.district_id,
            principal.subject_id,
            offer_id,
            secret=code_keys.secret_of(request.app.state.settings),
            clock=clock,
        )


@router.get("/v1/me/offers/{offer_id}/qr.svg", response_class=Response)
async def read_qr(
    offer_id: uuid.UUID, request: Request, principal: Shopper, pool: DbPool, clock: ClockDep
) -> Response:
    """The code to show a till's scanner now; the answer of the offer itself says until when."""
    code = await _code(request, principal, pool, clock, offer_id)
    if code is None:
        raise NotFound("This offer has no coupon that can be used now.")
    return Response(
        wallet.qr_svg(code.text), media_type="image/svg+xml", headers={"Cache-Control": "private, no-store"}
    )
