"""Members' interface to the telephones on which they have an app of the district's."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbSession
from district.deliveries import devices, own_endpoints
from district.deliveries.device_schemas import DeviceOut, NewDevice
from district.deliveries.push_routes import PRIVATE, secret_of
from district.districts.service import RegistryDep
from district.members.callers import membership_of
from district.members.ledger import Evidence
from district.problems import Unavailable
from district.proxies import address_of
from push.consent import Channel

router = APIRouter(prefix="/v1", tags=["members"])
PATH = "/me/devices"


@router.get(PATH)
def read_devices(
    principal: Shopper, session: DbSession, registry: RegistryDep, response: Response
) -> list[DeviceOut]:
    """The caller's telephones with an app, the one seen last first."""
    district, member = registry.find(principal.district_slug), membership_of(session, principal)
    response.headers.update(PRIVATE)
    return [devices.shown(row) for row in own_endpoints.listed(session, district.id, member.id, Channel.APP)]


@router.post(PATH, status_code=HTTPStatus.CREATED)
def register(
    new: NewDevice,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
    response: Response,
    user_agent: Annotated[str, Header()] = "",
) -> DeviceOut:
    """Keep the token of an app. The app tells it at each start, and whenever it is given another one.

    It is no consent: nothing is sent before the member agrees to marketing by this channel.
    """
    district, member = registry.find(principal.district_slug), membership_of(session, principal)
    response.headers.update(PRIVATE)
    secret = secret_of(request)
    if not secret:
        raise Unavailable("Apps are not told in this installation: it has no DISTRICT_SECRET.")
    row = devices.register(session, district, member, new, agent=user_agent, secret=secret, clock=clock)
    return devices.shown(row)


@router.delete(PATH + "/{device_id}", status_code=HTTPStatus.NO_CONTENT)
def forget(
    device_id: uuid.UUID,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
) -> Response:
    """Forget a telephone, as its app asks at sign-out; with the last one, the consent to its channel is taken back."""
    district, member = registry.find(principal.district_slug), membership_of(session, principal)
    evidence = Evidence(
        proof="session", address=address_of(request), agent=request.headers.get("user-agent", "")
    )
    own_endpoints.forget(session, district, member, device_id, Channel.APP, clock=clock, evidence=evidence)
    return Response(status_code=HTTPStatus.NO_CONTENT)
