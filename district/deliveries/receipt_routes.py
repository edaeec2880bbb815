"""Where providers post what became of messages: one address a provider, checked by its own rules."""

from functools import lru_cache
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import ValidationError

from district import bodies
from district.channels import service as channels
from district.channels.kinds import KINDS
from district.channels.kinds.kind import Building, Incoming, ReceiptRefused
from district.channels.models import ChannelProvider
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.deliveries import receipts, replies
from district.deliveries.building import building_of
from district.districts.service import DistrictDep, DistrictInfo
from district.problems import NotAuthenticated, NotFound, Unavailable
from district.sealing import SealBroken
from push.channels.outbound import Outbound, OutboundPolicy

router = APIRouter(tags=["channels"])
log = structlog.get_logger()
MOST_BYTES = 256 * 1024
PATH = "/v1/districts/{d}/receipts/{provider}"


class ReceiptUnsigned(NotAuthenticated):
    """A receipt that its provider did not send."""

    slug, title = "receipt-refused", "The receipt is not its provider's"


async def raw_body(request: Request) -> bytes:
    """The body as it was sent. Raises: TooLarge, BodyStalled."""
    pause = request.app.state.settings.body_timeout
    return await bodies.read(request, limit_bytes=MOST_BYTES, pause=pause)


@router.post(PATH)
def take(
    provider: str,
    request: Request,
    body: Annotated[bytes, Depends(raw_body)],
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> Response:
    """Take what a provider tells of messages; repeats and any order are expected."""
    return _answer(request, body, provider, district, session, clock)


@router.get(PATH)
def check(
    provider: str, request: Request, district: DistrictDep, session: DbSession, clock: ClockDep
) -> Response:
    """Answer a provider that checks the address before it posts to it, or that tells by GET."""
    return _answer(request, b"", provider, district, session, clock)


def _answer(
    request: Request, body: bytes, slug: str, district: DistrictInfo, session: DbSession, clock: Clock
) -> Response:
    row = channels.find(session, district.id, slug)
    kind = KINDS.get(row.kind)
    if kind is None or kind.receive is None:
        raise NotFound("This provider tells nothing afterwards.")
    incoming = Incoming(
        method=request.method,
        headers=dict(request.headers),
        query=dict(request.query_params),
        body=body,
        received_at=clock.machine_now(),
    )
    try:
        reply = kind.receive(building_for(request, district, row, clock), incoming)
    except ReceiptRefused as refused:
        raise ReceiptUnsigned(str(refused)) from None
    taken = receipts.take(session, district, row, reply.events, clock=clock)
    replies.hear(session, district, row, reply.heard, clock=clock)
    log.info("receipts.taken", provider=row.slug, events=len(reply.events), new=taken)
    return Response(reply.body, status_code=reply.status, media_type=reply.media_type if reply.body else None)


@lru_cache(maxsize=1)
def _unused_outbound() -> Outbound:
    """Reading a receipt calls nobody."""
    return Outbound(policy=OutboundPolicy())


def building_for(request: Request, district: DistrictInfo, row: ChannelProvider, clock: Clock) -> Building:
    """What a provider's row means to who only reads. Raises: Unavailable."""
    try:
        return building_of(
            request.app.state.settings, district, row, clock=clock, outbound=_unused_outbound()
        )
    except (SealBroken, ValidationError) as error:
        raise Unavailable("The provider's credentials cannot be opened: enter them anew.") from error
