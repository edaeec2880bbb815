"""A member's own pages: what arrived and why, and the wallet."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from district.auth.models import Role
from district.auth.principals import Anyone
from district.clock import ClockDep
from district.database import DbPool
from district.deliveries import inbox
from district.deliveries.schemas import InboxItemOut
from district.offers import wallet
from district.offers.schemas import OfferOut, ShownState
from district.problems import Unavailable
from district.stores.book import Found
from district.stores.public import stores_of
from district.web.language import negotiate
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.worth import worth
from push.offer import REDEEMABLE
from push.wording import Language

router = APIRouter()
INBOX_PAGE = 20
NEWEST_OFFERS = 100
USABLE = frozenset({ShownState.ISSUED, ShownState.OPENED})
TO_USE = USABLE | {ShownState.RESERVED}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A message in the inbox with what became of its offer, and its store's name."""

    item: InboxItemOut
    offer: OfferOut | None
    store: str


def open_stores(request: Request, reader: Reader, ids: Sequence[uuid.UUID], clock: ClockDep) -> list[Found]:
    """The open ones of these stores; none while the book of stores is not read yet."""
    try:
        book = stores_of(request, reader.district.slug)
    except Unavailable:
        return []
    rows = [book.rows[one] for one in ids if one in book.rows]
    return [book.found(row, now=clock.now(), distance_m=0.0) for row in rows]


@router.get("/me")
async def show_own(principal: Anyone) -> Response:
    """To the inbox of the member's own district; anybody else to the front door."""
    is_shopper = principal is not None and principal.role is Role.SHOPPER
    return RedirectResponse(
        f"/d/{principal.district_slug}/inbox" if principal and is_shopper else "/", HTTPStatus.SEE_OTHER
    )


@router.get("/d/{slug}/inbox")
async def show_inbox(
    request: Request,
    reader: ReaderDep,
    pool: DbPool,
    clock: ClockDep,
    before: Annotated[int | None, Query(ge=0, le=inbox.MAX_SEQUENCE)] = None,
    part: str = "",
) -> Response:
    """What was sent to the member, the newest first; ``part=list`` is only the list, for a live page."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    language = Language(negotiate(request).value)
    messages = inbox.Reader(
        pool=pool, district_id=reader.district.id, member_id=reader.member_id, language=language
    )
    page = await messages.page(before=before, limit=INBOX_PAGE)
    offers, _more = await wallet.offers_of(
        pool,
        reader.district.id,
        reader.member_id,
        now=clock.now(),
        language=language,
        limit=NEWEST_OFFERS,
    )
    known = {offer.id: offer for offer in offers}
    arrivals = [
        Arrival(
            item=item,
            offer=known.get(item.offer_id) if item.offer_id else None,
            store=_store_name(request, reader, item.store_id, clock),
        )
        for item in page.items
    ]
    return show(
        request,
        reader,
        clock,
        "member/inbox_list.html" if part == "list" else "member/inbox.html",
        arrivals=arrivals,
        page=page,
        is_first=before is None,
        usable=USABLE,
        worth=worth,
    )


def _store_name(request: Request, reader: Reader, store_id: uuid.UUID | None, clock: ClockDep) -> str:
    found = open_stores(request, reader, [store_id] if store_id else [], clock)
    return found[0].facts.title(negotiate(request).value) if found else ""


@router.get("/d/{slug}/wallet")
async def show_wallet(
    request: Request,
    reader: ReaderDep,
    pool: DbPool,
    clock: ClockDep,
    after: uuid.UUID | None = None,
) -> Response:
    """The member's coupons: those to use first, then what was used or has expired."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    offers, following = await wallet.offers_of(
        pool,
        reader.district.id,
        reader.member_id,
        now=clock.now(),
        language=Language(negotiate(request).value),
        after=after,
    )
    coupons = [offer for offer in offers if offer.kind in REDEEMABLE]
    names = {
        offer.id: _store_name(request, reader, offer.store_ids[0] if offer.store_ids else None, clock)
        for offer in coupons
    }
    usable = sorted((offer for offer in coupons if offer.state in TO_USE), key=lambda one: one.valid_until)
    return show(
        request,
        reader,
        clock,
        "member/wallet.html",
        usable=usable,
        over=[offer for offer in coupons if offer.state not in TO_USE],
        names=names,
        following=following,
        worth=worth,
    )
