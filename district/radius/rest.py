"""What FreeRADIUS asks by rlm_rest: who may go on line, who was let in, and what became of it."""

from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from district import bodies
from district.auth.models import Role
from district.auth.principals import require
from district.auth.service import Principal
from district.districts.service import DistrictInfo, get_registry
from district.radius import accounting, answers, authorizing, settling
from district.radius.answers import Grant, Pairs
from district.radius.asking import LIVE, Asking, Turned
from district.radius.authorizing import Admitted
from district.radius.clients import RadiusClients
from district.radius.packets import (
    MAX_BODY_BYTES,
    AccessRequest,
    AccountingRequest,
    Attributes,
    access_request,
    accounting_request,
    document_of,
    text_of,
)
from district.snapshot import Snapshot

router = APIRouter(prefix="/v1/radius", tags=["radius"])
RadiusKey = Annotated[Principal, Depends(require(Role.RADIUS))]
ACCEPT = "Access-Accept"
Outcome: TypeAlias = Grant | Turned | None


@router.post("/authorize")
async def authorize(request: Request, key: RadiusKey) -> Response:
    """Who asks to go on line: his password for FreeRADIUS to check, and what he may use; 401 with a message for the person."""
    asking = asking_of(request, key, access_request(await document(request)))
    found = await authorizing.authorize(request.app.state.pool, asking)
    if isinstance(found, Turned):
        return answers.refused(found.reason, found.language)
    return answers.accepted(_password(found) | answers.reply_of(asking.district, found.grant))


def _password(found: Admitted) -> Pairs:
    if found.password is not None:
        return {"control:Cleartext-Password": answers.text(found.password)}
    said = {"control:Auth-Type": answers.text("Accept")}
    if found.is_live:
        said["request:District-Session"] = answers.text(LIVE)
    return said


@router.post("/post-auth")
async def post_auth(request: Request, key: RadiusKey) -> Response:
    """What FreeRADIUS decided: an accepted one-time token is used up, and a second use of it refused."""
    attributes = await document(request)
    outcome = request.query_params.get("reply") or text_of(attributes, "reply") or ACCEPT
    if outcome != ACCEPT:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    asking = asking_of(request, key, access_request(attributes))
    return settled(asking, await settling.settle(request.app.state.pool, asking))


def settled(asking: Asking, outcome: Outcome) -> Response:
    """The answer to an acceptance."""
    if isinstance(outcome, Turned):
        return answers.refused(outcome.reason, outcome.language)
    return answers.accepted({} if outcome is None else answers.reply_of(asking.district, outcome))


@router.post("/accounting", status_code=HTTPStatus.NO_CONTENT)
async def account(request: Request, key: RadiusKey) -> Response:
    """What a NAS tells of a session: 204 once the event log has it. A packet that tells nothing of one is left."""
    packet = accounting_request(await document(request))
    await keep(request, key, packet)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def document(request: Request) -> Attributes:
    """The body's attributes. Raises: BodyUnreadable, TooLarge."""
    pause = request.app.state.settings.body_timeout
    return document_of(await bodies.read(request, limit_bytes=MAX_BODY_BYTES, pause=pause))


def district_of(request: Request, key: Principal) -> DistrictInfo:
    """The district of the key."""
    return get_registry(request).find(key.district_slug)


def asking_of(request: Request, key: Principal, packet: AccessRequest) -> Asking:
    """The request in its district."""
    state: Any = request.app.state
    district = district_of(request, key)
    known: Snapshot[RadiusClients] = state.radius_clients
    return Asking(
        district=district,
        request=packet,
        client=known.read().find(district.id, packet.nas),
        clock=state.clock,
        interim=state.settings.radius_interim,
    )


async def keep(request: Request, key: Principal, packet: AccountingRequest | None) -> None:
    """Put a packet into the event log. Raises: Unavailable."""
    if packet is None:
        return
    state: Any = request.app.state
    district = district_of(request, key)
    told = accounting.told(packet, now=state.clock.now(), machine_now=state.clock.machine_now())
    await accounting.keep(state.stream, state.settings, district.id, told)
