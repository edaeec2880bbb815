"""Routes of purchases: tills, providers, operators and members."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select

from district import bodies
from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator, Shopper, TillKey
from district.clock import ClockDep
from district.database import DbPool, DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep, RegistryDep
from district.purchases import providers, sources, tills
from district.purchases.models import Purchase
from district.purchases.schemas import (
    LinkView,
    PurchaseBody,
    PurchaseView,
    RefundBody,
    SourceBody,
    SourceChange,
    SourceView,
    Taken,
)

router = APIRouter(tags=["purchases"])
PATH = "/v1/districts/{d}"
MOST_BYTES = 64 << 10
LONGEST_PAUSE = timedelta(seconds=5)


@router.post(PATH + "/purchases")
async def take_purchase(
    body: PurchaseBody, principal: TillKey, district: DistrictDep, pool: DbPool, clock: ClockDep
) -> Taken:
    """Tell of a purchase; with a member's pass it is kept and earns, without one it is counted."""
    return await tills.purchase(pool, principal, district, body, clock=clock)


@router.post(PATH + "/purchase-refunds")
async def take_refund(
    body: RefundBody, principal: TillKey, district: DistrictDep, pool: DbPool, clock: ClockDep
) -> Taken:
    """Tell that a part of a purchase was given back, within 30 days; its points go in proportion."""
    return await tills.refund(pool, principal, district, body, clock=clock)


async def _notice(request: Request) -> bytes:
    return await bodies.read(request, limit_bytes=MOST_BYTES, pause=LONGEST_PAUSE)


@router.post(PATH + "/purchase-sources/{slug}/notices", status_code=HTTPStatus.NO_CONTENT)
async def take_notice(
    slug: str,
    request: Request,
    district: DistrictDep,
    content: Annotated[bytes, Depends(_notice)],
    pool: DbPool,
    clock: ClockDep,
) -> Response:
    """A provider's signed notice of a payment or a refund (WeChat Pay's smart business circle); 204 once it is taken."""
    await providers.take(pool, district, slug, request.headers, content, clock=clock)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(PATH + "/purchase-sources", status_code=HTTPStatus.CREATED, response_model=SourceView)
def create_source(
    body: SourceBody,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Register a provider that sends signed notices; its key is never shown again."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=body)
    return idempotency.once(
        session,
        once,
        lambda: sources.view(
            session, district, sources.create(session, district, body, clock=clock), now=clock.now()
        ),
        machine_now=clock.machine_now(),
    )


@router.get(PATH + "/purchase-sources")
def list_sources(
    district: DistrictDep, operator: Operator, session: DbSession, clock: ClockDep
) -> list[SourceView]:
    """The district's sources, by slug."""
    rows = session.scalars(sources.listed(district.id))
    return [sources.view(session, district, row, now=clock.now()) for row in rows]


@router.get(PATH + "/purchase-sources/{slug}")
def get_source(
    slug: str, district: DistrictDep, operator: Operator, session: DbSession, clock: ClockDep
) -> SourceView:
    """One source."""
    return sources.view(session, district, sources.found(session, district.id, slug), now=clock.now())


@router.patch(PATH + "/purchase-sources/{slug}")
def change_source(
    slug: str,
    wanted: SourceChange,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
) -> SourceView:
    """Rename it, replace its public keys, or switch it off and on."""
    row = sources.change(session, sources.found(session, district.id, slug), wanted)
    return sources.view(session, district, row, now=clock.now())


@router.get("/v1/me/purchases")
def list_purchases(shopper: Shopper, session: DbSession, at: PlaceDep) -> Page[PurchaseView]:
    """The member's purchases that are kept, the oldest first."""
    own = select(Purchase).where(
        Purchase.district_id == shopper.district_id, Purchase.member_id == shopper.subject_id
    )
    return paging.read(session, own, Purchase.id, at, PurchaseView.model_validate)


@router.get("/v1/me/purchase-links")
def list_links(shopper: Shopper, session: DbSession) -> list[LinkView]:
    """The sources whose notices of the member are kept."""
    return sources.links(session, shopper.district_id, shopper.subject_id)


@router.put("/v1/me/purchase-links/{slug}")
def put_link(
    slug: str, shopper: Shopper, registry: RegistryDep, session: DbSession, clock: ClockDep
) -> LinkView:
    """Have the member's purchases at a source kept from now on; who he is there, its log-in provider has shown."""
    district = registry.by_id[shopper.district_id]
    return sources.link(session, district, shopper.subject_id, slug, now=clock.now())


@router.delete("/v1/me/purchase-links/{slug}", status_code=HTTPStatus.NO_CONTENT)
def delete_link(slug: str, shopper: Shopper, session: DbSession) -> None:
    """Keep no more of them."""
    sources.unlink(session, shopper.district_id, shopper.subject_id, slug)
