"""Claiming: the offer centre for everyone, claims of members, posters of merchants."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from district.auth.idempotency import IdempotencyKey
from district.auth.principals import MerchantOrOperator, Shopper
from district.clock import ClockDep
from district.database import DbPool, DbSession
from district.districts.service import DistrictDep, RegistryDep
from district.offers import claim_links, claim_service, offer_centre, wallet
from district.offers.claim_schemas import ClaimablePage, ClaimBody, ClaimOut, LinkOut, TicketOut
from district.offers.claims import Asked
from district.offers.offer_centre import Wanted
from district.problems import NotFound
from district.stores.public import stores_of
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84
from push.wording import Language

router = APIRouter(tags=["member"])
MAX_PAGE = 100
LINKS = "/v1/districts/{d}/campaigns/{campaign_id}/claim-links"
Degrees = Annotated[float | None, Query(allow_inf_nan=False)]


@router.get("/v1/districts/{d}/offers")
async def read_offer_centre(
    d: str,
    request: Request,
    district: DistrictDep,
    pool: DbPool,
    clock: ClockDep,
    lon: Degrees = None,
    lat: Degrees = None,
    crs: Datum = Datum.WGS84,
    category: Annotated[str | None, Query(max_length=100)] = None,
    has_stock: bool = False,
    lang: Language = Language.EN,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> ClaimablePage:
    """What anybody may claim: with a position the nearest first, else the newest."""
    origin = to_wgs84(LonLat(lon=lon, lat=lat), crs) if lon is not None and lat is not None else None
    wanted = Wanted(origin=origin, category=category, has_stock=has_stock, language=lang)
    now = clock.now()
    listing = await offer_centre.read(pool, district.id, now=now)
    items, following = offer_centre.page(
        listing, stores_of(request, d), wanted, now=now, after=after, limit=limit
    )
    return ClaimablePage(items=items, next=following)


@router.post("/v1/me/offers/{offer_id}/claim", status_code=201, response_model=ClaimOut)
async def claim_offer(
    offer_id: uuid.UUID,
    response: Response,
    principal: Shopper,
    registry: RegistryDep,
    pool: DbPool,
    clock: ClockDep,
    body: ClaimBody | None = None,
    key: IdempotencyKey = None,
) -> ClaimOut:
    """Claim what the offer centre lists, or what is held for the member; the answer says which.

    201 with the offer; 200 when the member had it already by this very claim; 202 with a ticket while a drop's queue is served.
    """
    asked = Asked(
        member_id=principal.subject_id,
        id=offer_id,
        now=clock.now(),
        key=key,
        token=body.token if body else None,
    )
    outcome = await claim_service.claim(pool, registry.by_id[principal.district_id], asked)
    response.status_code = outcome.status
    return outcome.answer


@router.get("/v1/me/offers/{offer_id}/ticket")
async def read_ticket(
    offer_id: uuid.UUID, principal: Shopper, registry: RegistryDep, pool: DbPool, clock: ClockDep
) -> TicketOut:
    """The member's place in the queue of a drop."""
    district = registry.by_id[principal.district_id]
    found = await claim_service.place(pool, district, offer_id, principal.subject_id, now=clock.now())
    if found is None:
        raise NotFound("You have no place in this queue: claim the offer.")
    return found


@router.post(LINKS, status_code=HTTPStatus.CREATED)
def create_claim_link(
    campaign_id: uuid.UUID,
    request: Request,
    principal: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> LinkOut:
    """A new address for a poster's QR code: who scans it may claim the offer."""
    token = claim_links.create(session, district.id, principal, campaign_id, now=clock.now())
    return _link(request, district.slug, token)


@router.get(LINKS)
def read_claim_links(
    campaign_id: uuid.UUID,
    request: Request,
    principal: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
) -> list[LinkOut]:
    """The addresses that open the offer."""
    tokens = claim_links.tokens(session, district.id, principal, campaign_id)
    return [_link(request, district.slug, token) for token in tokens]


@router.get(LINKS + "/{token}/qr.svg", response_class=Response)
def read_claim_qr(
    campaign_id: uuid.UUID,
    token: Annotated[str, "the part after the dot"],
    request: Request,
    principal: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
) -> Response:
    """The QR code for the poster."""
    if token not in claim_links.tokens(session, district.id, principal, campaign_id):
        raise NotFound("No such address.")
    return Response(wallet.qr_svg(_link(request, district.slug, token).url), media_type="image/svg+xml")


@router.delete(LINKS + "/{token}", status_code=HTTPStatus.NO_CONTENT)
def delete_claim_link(
    campaign_id: uuid.UUID,
    token: Annotated[str, "the part after the dot"],
    principal: MerchantOrOperator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> None:
    """Withdraw a poster's address."""
    claim_links.revoke(session, district.id, principal, campaign_id, token=token, now=clock.now())


def _link(request: Request, slug: str, token: str) -> LinkOut:
    origin = (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")
    return LinkOut(url=f"{origin}/c/{slug}.{token}", token=token)
