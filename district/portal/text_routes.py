"""Text messages: what providers post, and operators' interface to the providers."""

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from district import bodies
from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep, RegistryDep
from district.portal import text_inbound, text_providers
from district.portal.models import SmsProvider
from district.portal.text_schemas import (
    InboundAnswer,
    MadeTextProvider,
    NewTextProvider,
    TextProviderChange,
    TextProviderPage,
    TextProviderView,
)

router = APIRouter(tags=["gateways"])
OF_DISTRICT = "/v1/districts/{d}/sms-providers"


async def raw_body(request: Request) -> bytes:
    """The body as it was sent, which is what is signed. Raises: TooLarge, BodyStalled."""
    pause = request.app.state.settings.body_timeout
    return await bodies.read(request, limit_bytes=text_inbound.MOST_BYTES, pause=pause)


@router.post("/v1/sms/{provider}/inbound")
def receive(
    provider: str,
    request: Request,
    body: Annotated[bytes, Depends(raw_body)],
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
) -> InboundAnswer:
    """Take a text message that somebody sent to the district's number; signed as Standard Webhooks are."""
    district, row = text_providers.routed(session, registry, provider)
    outcome = text_inbound.take(session, district, row, headers=request.headers, body=body, clock=clock)
    return InboundAnswer(outcome=outcome)


def view_of(request: Request, row: SmsProvider) -> TextProviderView:
    """A provider as its operator sees it."""
    origin = (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")
    return TextProviderView(
        slug=row.slug,
        name=row.name,
        number=row.number,
        keyword=row.keyword,
        created_at=row.created_at,
        method=f"{text_providers.METHOD_MARK}{row.slug}",
        inbound_url=f"{origin}/v1/sms/{row.slug}/inbound",
    )


@router.post(OF_DISTRICT, status_code=HTTPStatus.CREATED, response_model=MadeTextProvider)
def create(
    new: NewTextProvider,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> Any:
    """Register a provider. Its secret is in this answer only: the one kept for an ``Idempotency-Key`` is without it."""
    secrets: list[str] = []

    def make() -> TextProviderView:
        row = text_providers.create(session, district, new, clock=clock)
        secrets.append(row.secret)
        return view_of(request, row)

    once = idempotency.Request(principal=principal, path=request.url.path, key=key, body=new)
    answer = idempotency.once(session, once, make, machine_now=clock.machine_now())
    if not secrets:
        return answer
    shown = json.loads(bytes(answer.body)) | {"secret": secrets[0]}
    return JSONResponse(shown, status_code=answer.status_code, headers={"Cache-Control": "no-store"})


@router.get(OF_DISTRICT)
def list_(
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TextProviderPage:
    """Providers by slug."""
    rows = text_providers.page(session, district.id, after=after, limit=limit + 1)
    next_ = rows[limit - 1].slug if len(rows) > limit else None
    return TextProviderPage(items=[view_of(request, row) for row in rows[:limit]], next=next_)


@router.get(f"{OF_DISTRICT}/{{slug}}")
def get(
    slug: str, request: Request, principal: Operator, district: DistrictDep, session: DbSession
) -> TextProviderView:
    """One provider."""
    return view_of(request, text_providers.find(session, district.id, slug))


@router.patch(f"{OF_DISTRICT}/{{slug}}")
def change(
    slug: str,
    changed: TextProviderChange,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> TextProviderView:
    """Change a provider; after another secret the one before works for a day."""
    return view_of(request, text_providers.change(session, district, slug, changed, clock=clock))


@router.delete(f"{OF_DISTRICT}/{{slug}}", status_code=HTTPStatus.NO_CONTENT)
def remove(slug: str, principal: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Forget a provider; its address stops working at once."""
    text_providers.remove(session, district, slug)
    return Response(status_code=HTTPStatus.NO_CONTENT)
