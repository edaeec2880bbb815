"""Operators' interface to providers and to the order of channels."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.channels import service
from district.channels.kinds import KINDS
from district.channels.models import ChannelProvider
from district.channels.schemas import ChannelOrder, KindView, NewProvider, ProviderChange, ProviderView
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep

router = APIRouter(tags=["channels"])
PROVIDERS = "/v1/districts/{d}/channel-providers"
ORDER = "/v1/districts/{d}/channel-order"


def view(row: ChannelProvider) -> ProviderView:
    """A provider as operators see it."""
    return ProviderView.model_validate(row)


def secret_of(request: Request) -> str:
    """The installation's secret, or nothing."""
    secret = request.app.state.settings.secret
    return secret.get_secret_value() if secret else ""


@router.get("/v1/channel-kinds")
def kinds(operator: Operator) -> list[KindView]:
    """Every kind of provider, with the JSON schemas of its options and secrets."""
    return [
        KindView(
            name=kind.name,
            channel=kind.channel,
            title=kind.title,
            options=kind.options.model_json_schema(),
            secrets=kind.secrets.model_json_schema(),
            has_receipts=kind.receive is not None,
        )
        for kind in KINDS.values()
    ]


@router.post(PROVIDERS, status_code=HTTPStatus.CREATED, response_model=ProviderView)
def create(
    new: NewProvider,
    request: Request,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a provider; its secrets are sealed and never shown again."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    secret = secret_of(request)
    return idempotency.once(
        session,
        once,
        lambda: view(service.make(session, district, new, secret=secret, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get(PROVIDERS)
def list_(operator: Operator, district: DistrictDep, session: DbSession, at: PlaceDep) -> Page[ProviderView]:
    """The district's providers."""
    wanted = select(ChannelProvider).where(ChannelProvider.district_id == district.id)
    return paging.read(session, wanted, ChannelProvider.id, at, view)


@router.get(PROVIDERS + "/{slug}")
def get(slug: str, operator: Operator, district: DistrictDep, session: DbSession) -> ProviderView:
    """One provider."""
    return view(service.find(session, district.id, slug))


@router.patch(PROVIDERS + "/{slug}")
def change(
    slug: str,
    changed: ProviderChange,
    request: Request,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> ProviderView:
    """Change a provider, or switch it off; a pause ends."""
    row = service.find(session, district.id, slug)
    return view(service.change(session, row, changed, secret=secret_of(request), clock=clock))


@router.delete(PROVIDERS + "/{slug}", status_code=HTTPStatus.NO_CONTENT)
def remove(slug: str, operator: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Delete a provider; what waits for its channel waits for another, or expires."""
    paging.delete(session, service.find(session, district.id, slug), "provider")
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(ORDER)
def get_order(operator: Operator, district: DistrictDep, session: DbSession) -> ChannelOrder:
    """In which order channels ring."""
    return service.order_of(session, district)


@router.put(ORDER)
def put_order(
    wanted: ChannelOrder,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> ChannelOrder:
    """Set the order; null leaves it to what a message that arrives costs."""
    return service.set_order(session, district, wanted, clock=clock)
