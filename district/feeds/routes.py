"""Sightings in: the plain form and Meraki's posts; and the feeds that send them."""

import json
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from district import bodies
from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import FeedKey, Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.models import RouteKind
from district.districts.service import DistrictDep, get_registry
from district.feeds import meraki, plain, service
from district.feeds.decoding import Decoded
from district.feeds.health import FeedCounts
from district.feeds.models import Feed
from district.feeds.schemas import FeedChange, FeedPage, FeedView, MadeFeed, NewFeed, Vendor
from district.feeds.service import FeedInfo, Feeds
from district.sightings.service import Published

MAX_BODY_BYTES = 5 * bodies.MEBIBYTE
ACCEPTED = 202
router = APIRouter(prefix="/v1", tags=["feeds"])


async def get_feeds(request: Request) -> Feeds:
    """The feeds that this process knows."""
    value: Feeds = request.app.state.feeds.value
    return value


FeedsDep = Annotated[Feeds, Depends(get_feeds)]


@router.post("/districts/{d}/sightings", status_code=ACCEPTED)
async def post_sightings(
    request: Request, district: DistrictDep, key: FeedKey, feeds: FeedsDep
) -> JSONResponse:
    """Take sightings; 202 once they are durable, with what became of each row."""
    feed = feeds.of_key(district.id, key.scope_id)
    body = await _body(request)
    published = await _take(request, feed, plain.decode(body), body)
    rejected = [{"index": index, "reason": reason} for index, reason in published.rejected]
    return JSONResponse(
        {"accepted": published.accepted, "duplicates": published.duplicates, "rejected": rejected},
        status_code=ACCEPTED,
    )


@router.get("/feeds/meraki/{feed}", response_class=PlainTextResponse)
async def get_meraki_validator(feed: str, request: Request) -> PlainTextResponse:
    """The text by which the dashboard knows that the receiver is ours."""
    found = _meraki_feed(request, feed)
    return PlainTextResponse(found.validator)


@router.post("/feeds/meraki/{feed}", status_code=ACCEPTED)
async def post_meraki(feed: str, request: Request) -> JSONResponse:
    """Take a post of the Scanning API, version 2 or 3; Bluetooth is answered and left."""
    found = _meraki_feed(request, feed)
    body = await _body(request)
    decoded = meraki.decode(body, secret=found.secret)
    if decoded is None:
        return JSONResponse({"accepted": 0, "duplicates": 0, "rejected": 0})
    published = await _take(request, found, decoded, body)
    return JSONResponse(
        {
            "accepted": published.accepted,
            "duplicates": published.duplicates,
            "rejected": len(published.rejected),
        },
        status_code=ACCEPTED,
    )


@router.get("/districts/{d}/feeds")
def list_feeds(
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FeedPage:
    """The district's feeds by slug, and how they do today."""
    now = clock.now()
    rows = service.page(session, district, after=after, limit=limit + 1)
    return FeedPage(
        items=[
            FeedView(**_fields(row), rows_today=service.rows_of_day(session, district, row, now))
            for row in rows[:limit]
        ],
        next=rows[limit - 1].slug if len(rows) > limit else None,
    )


@router.post("/districts/{d}/feeds", status_code=HTTPStatus.CREATED, response_model=MadeFeed)
def create_feed(
    new: NewFeed,
    request: Request,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a feed. Its secret is in this answer only: the answer kept for an ``Idempotency-Key`` is without it."""
    secrets: list[str] = []

    def make() -> FeedView:
        row = service.create(session, district, new, clock=clock)
        secrets.append(row.secret)
        return FeedView(**_fields(row))

    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    answer = idempotency.once(session, once, make, machine_now=clock.machine_now())
    if not secrets:
        return answer
    shown = json.loads(bytes(answer.body)) | {"secret": secrets[0]}
    return JSONResponse(shown, status_code=answer.status_code, headers={"Cache-Control": "no-store"})


@router.get("/districts/{d}/feeds/{slug}")
def get_feed(
    slug: str, district: DistrictDep, operator: Operator, session: DbSession, clock: ClockDep
) -> FeedView:
    """One feed."""
    row = service.get(session, district, slug)
    return FeedView(**_fields(row), rows_today=service.rows_of_day(session, district, row, clock.now()))


@router.patch("/districts/{d}/feeds/{slug}")
def change_feed(
    slug: str,
    wanted: FeedChange,
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
) -> FeedView:
    """Change a feed."""
    return FeedView(**_fields(service.change(session, district, slug, wanted, clock=clock)))


@router.delete("/districts/{d}/feeds/{slug}", status_code=204)
def delete_feed(slug: str, district: DistrictDep, operator: Operator, session: DbSession) -> None:
    """Forget a feed."""
    service.delete(session, district, slug)


def _fields(row: Feed) -> dict[str, object]:
    return {
        "id": str(row.id),
        "slug": row.slug,
        "vendor": row.vendor,
        "validator": row.validator,
        "datum": row.datum,
        "created_at": row.created_at,
        "disabled_at": row.disabled_at,
    }


def _meraki_feed(request: Request, slug: str) -> FeedInfo:
    district = get_registry(request).routed(RouteKind.FEED, slug)
    feeds: Feeds = request.app.state.feeds.value
    return feeds.find(district.id, slug, Vendor.MERAKI)


async def _body(request: Request) -> bytes:
    pause = request.app.state.settings.body_timeout
    return await bodies.read(request, limit_bytes=MAX_BODY_BYTES, pause=pause)


async def _take(request: Request, feed: FeedInfo, decoded: Decoded, body: bytes) -> Published:
    state = request.app.state
    counts: FeedCounts = state.feed_counts
    return await service.take(
        decoded,
        feed,
        body=body,
        edges=state.edges,
        stream=state.stream,
        counts=counts,
        now=state.clock.now(),
    )
