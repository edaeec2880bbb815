"""Operators' interface to the gateways of a district."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.gateways import capport, options, service, walled_garden
from district.gateways.models import Gateway
from district.gateways.schemas import GatewayAnswer, GatewayChange, GatewayPage, NewGateway
from district.gateways.sign_in_options import SignInOptions
from district.settings import Settings

router = APIRouter(prefix="/v1/districts/{d}/gateways", tags=["gateways"])


def portal_url(request: Request, row: Gateway) -> str:
    """Where the gateway must send its clients."""
    if row.public_url:
        return row.public_url
    origin = request.app.state.settings.public_url or str(request.base_url).rstrip("/")
    return f"{origin}/portal/{row.slug}"


def answer(request: Request, session: Session, row: Gateway) -> GatewayAnswer:
    """A gateway as shown to its operator."""
    url = portal_url(request, row)
    dialect = service.DIALECTS[row.vendor]
    return GatewayAnswer(
        slug=row.slug,
        name=row.name,
        vendor=row.vendor,
        public_url=row.public_url,
        zone_id=row.zone_id,
        allow_hosts=row.allow_hosts,
        allow_networks=row.allow_networks,
        methods=row.methods,
        fail_open=row.fail_open,
        options=options.shown(row.vendor, row.options),
        plan=service.plan_slug(session, row),
        is_real_name=row.is_real_name,
        sign_in=SignInOptions.model_validate(row.sign_in),
        portal_url=url,
        configuration=dialect.configuration(service.info_of(row), portal_url=url)
        + walled_garden.lines_of(session, row),
        capport_url=_capport_url(request, row, capport.network_token),
        capport_template=_capport_url(request, row, capport.template),
    )


def _capport_url(request: Request, row: Gateway, token: Callable[[str, str], str]) -> str:
    settings: Settings = request.app.state.settings
    origin = capport.origin_of(row.public_url, settings.public_url, str(request.base_url))
    if not origin or settings.secret is None:
        return ""
    return f"{origin}/capport/v1/{token(settings.secret.get_secret_value(), row.slug)}"


@router.post("", status_code=HTTPStatus.CREATED, response_model=GatewayAnswer)
def create(
    new: NewGateway,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Register a gateway; the answer holds its configuration."""
    once = idempotency.Request(principal=principal, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: answer(request, session, service.create(session, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get("")
def list_(
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> GatewayPage:
    """Gateways by slug."""
    rows = service.page(session, district.id, after=after, limit=limit + 1)
    next_ = rows[limit - 1].slug if len(rows) > limit else None
    return GatewayPage(items=[answer(request, session, row) for row in rows[:limit]], next=next_)


@router.get("/{slug}")
def get(
    slug: str, request: Request, principal: Operator, district: DistrictDep, session: DbSession
) -> GatewayAnswer:
    """One gateway."""
    return answer(request, session, service.get(session, district.id, slug))


@router.patch("/{slug}")
def change(
    slug: str,
    changed: GatewayChange,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
) -> GatewayAnswer:
    """Change a gateway."""
    return answer(request, session, service.change(session, district, slug, changed))


@router.delete("/{slug}", status_code=204)
def remove(slug: str, principal: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Forget a gateway; its portal address stops working at once."""
    service.remove(session, district, slug)
    return Response(status_code=204)
