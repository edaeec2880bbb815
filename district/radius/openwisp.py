"""The paths and bodies of OpenWISP RADIUS, for a FreeRADIUS that is set up for it: only its address changes."""

import hmac
import uuid
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response

from district import bodies
from district.auth.models import Role
from district.auth.principals import KeyRing
from district.auth.service import KEY_MARK, Principal, split_token
from district.districts.service import get_registry
from district.problems import Invalid, NotAuthenticated
from district.radius import answers, authorizing, settling
from district.radius.answers import Pairs, Refused
from district.radius.asking import Turned
from district.radius.packets import (
    MAX_BODY_BYTES,
    MAX_OCTETS,
    MAX_SECONDS,
    AccessRequest,
    AccountingRequest,
    Attributes,
    Nas,
    Status,
    document_of,
    instant_of,
    number_of,
    station_of,
    status_of,
    text_of,
)
from district.radius.rest import ACCEPT, asking_of, keep
from district.snapshot import Snapshot

router = APIRouter(prefix="/api/v1/freeradius", tags=["radius"])
MAX_FIELDS = 100
_FORM = "application/x-www-form-urlencoded"
_AUTHORIZATION_PARTS = 3


async def radius_key(request: Request) -> Principal:
    """The key of ``Authorization: Bearer <district's id> <key>``, or of ``?uuid=…&token=…``. Raises: NotAuthenticated."""
    parts = request.headers.get("authorization", "").split()
    if len(parts) == _AUTHORIZATION_PARTS:
        district_text, token = parts[1], parts[2]
    else:
        district_text, token = request.query_params.get("uuid", ""), request.query_params.get("token", "")
    slug, mark = split_token(token)
    ring: Snapshot[KeyRing] = request.app.state.key_ring
    district = get_registry(request).by_slug.get(slug)
    if district is None or mark != KEY_MARK or not _is_same(district.id, district_text):
        raise NotAuthenticated(
            "Send `Authorization: Bearer` with the district's id and a key of the role radius."
        )
    principal = ring.read().find(token, slug)
    if principal.role is not Role.RADIUS:
        raise NotAuthenticated("The key is not one of a RADIUS server.")
    return principal


def _is_same(district_id: uuid.UUID, text: str) -> bool:
    try:
        return uuid.UUID(text) == district_id
    except ValueError:
        return False


OpenWispKey: TypeAlias = Annotated[Principal, Depends(radius_key)]


@router.post("/authorize/")
async def authorize(request: Request, key: OpenWispKey) -> Response:
    """Whether user name and password open the Wi-Fi: the password is compared here, so this way knows only PAP."""
    packet = _access_request(await _document(request))
    if not packet.username or not packet.password:
        raise Invalid("Send username and password.")
    asking = asking_of(request, key, packet)
    found = await authorizing.authorize(request.app.state.pool, asking)
    if isinstance(found, Turned):
        return _reject(found.reason, found.language)
    if found.password is not None and not hmac.compare_digest(
        found.password.encode(), packet.password.encode()
    ):
        return _reject(Refused.MISMATCH, "")
    accept: Pairs = {"control:Auth-Type": answers.text("Accept")}
    return answers.accepted(accept | answers.reply_of(asking.district, found.grant))


def _reject(reason: Refused, language: str) -> Response:
    """As OpenWISP's own limits are told: 200, so that no NAS takes the status for something else."""
    said = {
        "control:Auth-Type": answers.text("Reject"),
        "reply:Reply-Message": answers.text(answers.message(reason, language)),
    }
    return answers.json_response(said, HTTPStatus.OK)


@router.post("/postauth/", status_code=HTTPStatus.CREATED)
async def post_auth(request: Request, key: OpenWispKey) -> Response:
    """What FreeRADIUS decided; an accepted one-time token is used up."""
    attributes = await _document(request)
    packet = _access_request(attributes)
    if text_of(attributes, "reply") in {"", ACCEPT} and packet.username:
        asking = asking_of(request, key, packet)
        outcome = await settling.settle(request.app.state.pool, asking)
        if isinstance(outcome, Turned):
            return answers.refused(outcome.reason, outcome.language)
    return Response(status_code=HTTPStatus.CREATED)


@router.post("/accounting/")
async def account(request: Request, key: OpenWispKey) -> Response:
    """What a NAS tells of a session; answered once the event log has it: 201 for a start, else 200."""
    packet = _accounting_request(await _document(request))
    await keep(request, key, packet)
    is_start = packet is not None and packet.status is Status.START
    return Response(status_code=HTTPStatus.CREATED if is_start else HTTPStatus.OK)


async def _document(request: Request) -> Attributes:
    """JSON, or a form as FreeRADIUS's ``body = post`` sends it. Raises: BodyUnreadable, Invalid."""
    pause = request.app.state.settings.body_timeout
    body = await bodies.read(request, limit_bytes=MAX_BODY_BYTES, pause=pause)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return document_of(body)
    try:
        return dict(
            parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        )
    except ValueError:
        raise Invalid(f"Send at most {MAX_FIELDS} fields.") from None


def _nas(attributes: Attributes) -> Nas:
    return Nas(
        address=text_of(attributes, "nas_ip_address"), identifier=text_of(attributes, "nas_identifier")
    )


def _access_request(attributes: Attributes) -> AccessRequest:
    return AccessRequest(
        username=text_of(attributes, "username"),
        password=text_of(attributes, "password"),
        mac=station_of(text_of(attributes, "calling_station_id"))[0],
        access_point_mac=station_of(text_of(attributes, "called_station_id"))[0],
        service_type=text_of(attributes, "service_type"),
        nas=_nas(attributes),
    )


def _accounting_request(attributes: Attributes) -> AccountingRequest | None:
    status = status_of(text_of(attributes, "status_type"))
    if status is None:
        return None
    calling = text_of(attributes, "calling_station_id")
    access_point, ssid = station_of(text_of(attributes, "called_station_id"))
    values: dict[str, Any] = {
        "up_octets": number_of(attributes, "input_octets", most=MAX_OCTETS),
        "down_octets": number_of(attributes, "output_octets", most=MAX_OCTETS),
        "session_s": number_of(attributes, "session_time", most=MAX_SECONDS),
    }
    if status is Status.START:
        values = {}
    return AccountingRequest(
        status=status,
        unique_id=text_of(attributes, "unique_id"),
        session_id=text_of(attributes, "session_id"),
        username=text_of(attributes, "username"),
        nas=_nas(attributes),
        calling_station=calling,
        mac=station_of(calling)[0],
        access_point_mac=access_point,
        ssid=ssid,
        framed_address=text_of(attributes, "framed_ip_address"),
        terminate_cause=text_of(attributes, "terminate_cause"),
        event_at=instant_of(text_of(attributes, "update_time") or text_of(attributes, "stop_time")),
        **values,
    )
