"""The member's wallet."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbPool
from district.offers import wallet
from district.offers.schemas import OfferOut, OfferPage
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
    offer_id: uuid.UUID, principal: Shopper, pool: DbPool, clock: ClockDep, lang: Lang = None
) -> OfferOut:
    """One offer; looking at it marks it opened."""
    return await wallet.find(
        pool, principal.district_id, principal.subject_id, offer_id, now=clock.now(), language=lang
    )


@router.get("/v1/me/offers/{offer_id}/qr.svg", response_class=Response)
async def read_qr(offer_id: uuid.UUID, principal: Shopper, pool: DbPool, clock: ClockDep) -> Response:
    """The offer's code for a till's scanner."""
    offer = await wallet.find(
        pool, principal.district_id, principal.subject_id, offer_id, now=clock.now(), opens=False
    )
    if offer.code is None:
        raise NotFound("This offer has no coupon.")
    return Response(
        wallet.qr_svg(offer.code), media_type="image/svg+xml", headers={"Cache-Control": "private, no-store"}
    )
