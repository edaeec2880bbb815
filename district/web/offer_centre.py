"""The offer centre for shoppers: what anybody may claim, one offer of it, the line of a drop. All work without a script."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from district.clock import ClockDep
from district.database import DbPool
from district.districts.service import RegistryDep
from district.offers import claim_queries, claim_service, claims, offer_centre
from district.offers.claim_problems import OnlyByPoster, SoldOut
from district.offers.claim_schemas import TicketOut
from district.offers.claims import Asked
from district.offers.drops import TicketState
from district.offers.offer_centre import Wanted
from district.offers.terms import Terms
from district.problems import DistrictError, NotFound
from district.stores.public import stores_of
from district.web import categories
from district.web.explained import explained
from district.web.language import Language, negotiate
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.security import require_own_form
from district.web.worth import worth
from geo.coordinates import LonLat
from push.offer import ClaimMode
from push.wording import Language as Words

router = APIRouter()
SHOWN = 20
CHIPS = 8
MOST_TOKEN = 64
Degrees = Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False)]
Token = Annotated[str, Query(max_length=MOST_TOKEN)]


@router.get("/c/{link}")
async def open_poster(link: str, registry: RegistryDep, pool: DbPool) -> Response:
    """From the code on a poster to the offer that it opens."""
    slug, _, token = link.rpartition(".")
    district = registry.find(slug)
    values = {"district_id": district.id, "token": token[:MOST_TOKEN]}
    async with pool.connection() as connection:
        row = await (await connection.execute(claim_queries.LINK_SQL, values)).fetchone()
    if row is None:
        raise NotFound("This code opens nothing any more; ask in the shop.")
    return RedirectResponse(f"/d/{slug}/centre/{row[0]}?k={token}", HTTPStatus.SEE_OTHER)


@router.get("/d/{slug}/centre")
async def show_centre(
    request: Request,
    reader: ReaderDep,
    pool: DbPool,
    clock: ClockDep,
    lon: Degrees = None,
    lat: Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)] = None,
    category: Annotated[str, Query(max_length=100)] = "",
    has_stock: bool = False,
    after: uuid.UUID | None = None,
) -> Response:
    """What anybody may claim now, with a position the nearest first."""
    language, now = negotiate(request), clock.now()
    origin = LonLat(lon=lon, lat=lat) if lon is not None and lat is not None else None
    wanted = Wanted(
        origin=origin, category=category or None, has_stock=has_stock, language=Words(language.value)
    )
    book = stores_of(request, reader.district.slug)
    listing = await offer_centre.read(pool, reader.district.id, now=now)
    every, _ = offer_centre.page(
        listing, book, Wanted(language=wanted.language), now=now, limit=offer_centre.MOST_LISTED
    )
    items, following = offer_centre.page(listing, book, wanted, now=now, after=after, limit=SHOWN)
    trades = categories.commonest((one.category for item in every for one in item.stores[:1]), CHIPS)
    here = f"&lon={lon}&lat={lat}" if origin is not None else ""
    return show(
        request,
        reader,
        clock,
        "shopper/centre.html",
        items=items,
        following=following,
        chips=[{"value": one, "title": categories.title(one, language)} for one in trades],
        category=category,
        has_stock=has_stock,
        is_here=origin is not None,
        here=here,
        worth=worth,
    )


@router.get("/d/{slug}/centre/{offer_id}")
async def show_claimable(
    offer_id: uuid.UUID,
    request: Request,
    reader: ReaderDep,
    pool: DbPool,
    clock: ClockDep,
    k: Token = "",
) -> Response:
    """One offer that may be claimed, or the reader's place in its line."""
    return await _show_one(offer_id, request, reader, pool=pool, clock=clock, token=k)


@router.post("/d/{slug}/centre/{offer_id}/claim", dependencies=[Depends(require_own_form)])
async def claim(
    offer_id: uuid.UUID,
    request: Request,
    reader: ReaderDep,
    pool: DbPool,
    clock: ClockDep,
    k: Annotated[str, Form(max_length=MOST_TOKEN)] = "",
) -> Response:
    """Claim, then on to the coupon; in a drop back to the line."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    asked = Asked(member_id=reader.member_id, id=offer_id, now=clock.now(), token=k or None)
    try:
        outcome = await claim_service.claim(pool, reader.district, asked)
    except DistrictError as refused:
        if had := refused.members.get("offer_id"):
            return _to(reader, f"offers/{had}")
        return await _show_one(offer_id, request, reader, pool=pool, clock=clock, token=k, refused=refused)
    offer = outcome.answer.offer
    back = f"centre/{offer_id}" + (f"?k={k}" if k else "")
    return _to(reader, back if offer is None else f"offers/{offer.id}")


def _to(reader: Reader, place: str) -> Response:
    return RedirectResponse(f"/d/{reader.district.slug}/{place}", HTTPStatus.SEE_OTHER)


async def _show_one(
    offer_id: uuid.UUID,
    request: Request,
    reader: Reader,
    *,
    pool: DbPool,
    clock: ClockDep,
    token: str,
    refused: DistrictError | None = None,
) -> Response:
    language, now = negotiate(request), clock.now()
    listing = await offer_centre.read(pool, reader.district.id, now=now, only=offer_id)
    terms = listing.terms[0] if listing.terms else None
    has_poster = await _has_poster(pool, reader, offer_id, token)
    if terms is None or not _is_public(terms, has_poster=has_poster):
        return show(request, reader, clock, "member/gone.html", status=HTTPStatus.NOT_FOUND)
    item = offer_centre.shown_of(
        terms,
        listing,
        stores_of(request, reader.district.slug),
        Wanted(language=Words(language.value)),
        now=now,
        with_price=has_poster,
    )
    place = await _place(pool, reader, offer_id, clock) if item.mode is ClaimMode.DROP else None
    state, detail = _state(terms, refused, language, clock, needs=item.needs_poster and not has_poster)
    return show(
        request,
        reader,
        clock,
        "shopper/claim.html",
        status=refused.status if refused is not None else HTTPStatus.OK,
        item=item,
        place=place,
        is_waiting=place is not None and place.state is TicketState.WAITING,
        is_lost=place is not None and place.state is TicketState.LOST,
        state="sold-out" if state == "open" and not item.has_stock and place is None else state,
        detail=detail,
        opens_in_s=int((item.opens_at - now).total_seconds()) if item.opens_at and item.opens_at > now else 0,
        is_member=reader.principal is not None,
        token=token if has_poster else "",
        worth=worth,
        speed=_speed(request),
    )


def _speed(request: Request) -> float:
    simulation = request.app.state.simulation.value
    return simulation.speed if simulation else 1


def _is_public(terms: Terms, *, has_poster: bool) -> bool:
    claim_terms = terms.offer.claim
    if claim_terms is None or claim_terms.mode is ClaimMode.RESERVE:
        return False
    return (claim_terms.is_listed or has_poster) and terms.state not in {"draft", "in_review"}


async def _has_poster(pool: DbPool, reader: Reader, offer_id: uuid.UUID, token: str) -> bool:
    if not token:
        return False
    async with pool.connection() as connection:
        values = {"district_id": reader.district.id, "token": token}
        row = await (await connection.execute(claim_queries.LINK_SQL, values)).fetchone()
    return row is not None and row[0] == offer_id


async def _place(pool: DbPool, reader: Reader, offer_id: uuid.UUID, clock: ClockDep) -> TicketOut | None:
    if reader.principal is None:
        return None
    return await claim_service.place(pool, reader.district, offer_id, reader.member_id, now=clock.now())


def _state(
    terms: Terms, refused: DistrictError | None, language: Language, clock: ClockDep, *, needs: bool
) -> tuple[str, str]:
    """Whether it can be claimed (``open``), else the slug of why not; and the words of the refusal."""
    if refused is not None:
        return refused.slug, explained(refused, language)
    if terms.offer.claim is None:
        return SoldOut.slug, ""
    try:
        claims.check_open(terms, terms.offer.claim, clock.now())
    except DistrictError as error:
        return error.slug, explained(error, language)
    if needs:
        return OnlyByPoster.slug, explained(OnlyByPoster(), language)
    return "open", ""
