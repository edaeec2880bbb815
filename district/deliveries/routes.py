"""The member's inbox, and what became of a campaign."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse

from district.auth.principals import Shopper
from district.auth.service import Principal
from district.database import DbPool, Pool
from district.deliveries import inbox, merchant_routes
from district.deliveries.inbox import InboxHub, Reader
from district.deliveries.schemas import InboxPage
from district.problems import NotFound, TooMany
from district.tasks import ended
from push.wording import Language


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Listen for arrivals as long as the application runs."""
    app.state.inbox_hub = InboxHub(app.state.settings.database_url)
    listener = asyncio.create_task(app.state.inbox_hub.listen())
    yield
    await ended([listener])


router = APIRouter(tags=["member"], lifespan=lifespan)
router.include_router(merchant_routes.router)
Lang = Annotated[
    Language | None, Query(description="Language of the words; default: the one that the member chose")
]
MAX_DIGITS = 18
Sequence = Annotated[int | None, Query(ge=0, le=inbox.MAX_SEQUENCE)]


@router.get("/v1/me/inbox")
async def read_inbox(
    principal: Shopper,
    pool: DbPool,
    after: Sequence = None,
    limit: Annotated[int, Query(ge=1, le=100)] = inbox.PAGE,
    lang: Lang = None,
) -> InboxPage:
    """The member's messages, the newest first; ``after`` is the ``next`` of the page before."""
    return await (await _reader(pool, principal, lang)).page(before=after, limit=limit)


@router.get("/v1/me/inbox/stream", response_class=StreamingResponse)
async def stream_inbox(
    request: Request,
    principal: Shopper,
    pool: DbPool,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    after: Sequence = None,
    lang: Lang = None,
) -> StreamingResponse:
    """Messages as they arrive (server-sent events), from ``Last-Event-ID`` or ``after`` on, else from now on."""
    reader = await _reader(pool, principal, lang)
    since = _sequence(last_event_id)
    hub: InboxHub = request.app.state.inbox_hub
    if hub.is_full(principal.district_id, principal.subject_id):
        raise TooMany("Close another page that is open first.", retry_after_s=10)
    return StreamingResponse(
        inbox.events(reader, hub, after=after if since is None else since),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _sequence(text: str | None) -> int | None:
    """The number in a Last-Event-ID; one that is not ours counts as none (HTML Living Standard §9.2)."""
    if text is None or len(text) > MAX_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


async def _reader(pool: Pool, principal: Principal, language: Language | None) -> Reader:
    chosen = await inbox.language_of_member(pool, principal.district_id, principal.subject_id)
    if chosen is None:
        raise NotFound("This membership has ended.")
    return Reader(
        pool=pool,
        district_id=principal.district_id,
        member_id=principal.subject_id,
        language=language or chosen,
    )
