"""Members' interface to notifications of their browsers."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbSession
from district.deliveries import own_endpoints, push_subscriptions
from district.deliveries.push_schemas import NewPushSubscription, PushKeyOut, PushSubscriptionOut
from district.districts.service import DistrictDep, RegistryDep
from district.members.callers import membership_of
from district.members.ledger import Evidence
from district.proxies import address_of
from push.consent import Channel

router = APIRouter(prefix="/v1", tags=["members"])
PATH = "/me/push-subscriptions"
PRIVATE = {"Cache-Control": "no-store"}


def secret_of(request: Request) -> str:
    """The installation's secret, or nothing."""
    secret = request.app.state.settings.secret
    return secret.get_secret_value() if secret else ""


@router.get("/districts/{d}/push-key")
def read_key(request: Request, district: DistrictDep, session: DbSession) -> PushKeyOut:
    """What a page of this district subscribes with; null where notifications are not set up. Public."""
    found = push_subscriptions.service_of(session, district, secret=secret_of(request))
    return PushKeyOut(public_key=found.public_key if found else None)


@router.get(PATH)
def read_subscriptions(
    principal: Shopper, session: DbSession, registry: RegistryDep, response: Response
) -> list[PushSubscriptionOut]:
    """The caller's browsers, the one seen last first."""
    district, member = registry.find(principal.district_slug), membership_of(session, principal)
    response.headers.update(PRIVATE)
    rows = own_endpoints.listed(session, district.id, member.id, Channel.WEB_PUSH)
    return [PushSubscriptionOut.model_validate(row) for row in rows]


@router.post(PATH, status_code=HTTPStatus.CREATED)
def subscribe(
    new: NewPushSubscription,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
    response: Response,
    user_agent: Annotated[str, Header()] = "",
) -> PushSubscriptionOut:
    """Keep a browser's subscription. A page tells it anew each time that it is opened; that changes nothing.

    It is no consent: nothing is sent before the member agrees to marketing by this channel.
    """
    district, member = registry.find(principal.district_slug), membership_of(session, principal)
    response.headers.update(PRIVATE)
    row = push_subscriptions.subscribe(
        session, district, member, new, agent=user_agent, secret=secret_of(request), clock=clock
    )
    return PushSubscriptionOut.model_validate(row)


@router.delete(PATH + "/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
def unsubscribe(
    subscription_id: uuid.UUID,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
) -> Response:
    """Forget a browser; with the last one, the consent to its channel is taken back."""
    district, member = registry.find(principal.district_slug), membership_of(session, principal)
    evidence = Evidence(
        proof="session", address=address_of(request), agent=request.headers.get("user-agent", "")
    )
    own_endpoints.forget(
        session, district, member, subscription_id, Channel.WEB_PUSH, clock=clock, evidence=evidence
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)
