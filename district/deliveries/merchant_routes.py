"""What a merchant's own systems need: webhooks."""

import uuid

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Merchant
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbSession
from district.deliveries import endpoints
from district.deliveries.endpoints import EndpointOut, EndpointPage, NewEndpoint
from district.districts.service import DistrictDep
from district.problems import NotAllowed

router = APIRouter(tags=["campaigns"])
PATH = "/v1/districts/{d}/webhooks"


@router.post(PATH, status_code=201, response_model=EndpointOut)
def create_webhook(
    *,
    body: NewEndpoint,
    request: Request,
    principal: Merchant,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make a webhook (Standard Webhooks); its secret is shown this once."""
    asked = idempotency.Request(principal=principal, path=request.url.path, key=key, body=body)
    return idempotency.once(
        session,
        asked,
        lambda: endpoints.create(
            session, district.id, _own(principal), body, settings=request.app.state.settings, clock=clock
        ),
        machine_now=clock.machine_now(),
    )


@router.get(PATH)
def read_webhooks(principal: Merchant, district: DistrictDep, session: DbSession) -> EndpointPage:
    """The merchant's webhooks."""
    return EndpointPage(items=endpoints.listed(session, district.id, _own(principal)))


@router.delete(PATH + "/{endpoint_id}", status_code=204)
def remove_webhook(
    endpoint_id: uuid.UUID, principal: Merchant, district: DistrictDep, session: DbSession
) -> None:
    """Send nothing there any more."""
    endpoints.remove(session, district.id, _own(principal), endpoint_id)


def _own(principal: Principal) -> uuid.UUID:
    if principal.merchant_id is None:
        raise NotAllowed("This account belongs to no merchant.")
    return principal.merchant_id
