"""The Captive Portal API: RFC 8908, for the addresses that RFC 8910 puts into DHCP and router advertisements."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from district.auth import limits
from district.auth.limits import Limit
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import RegistryDep
from district.gateways import capport as tokens
from district.gateways import service as gateways
from district.gateways.models import Gateway
from district.portal import capport
from district.portal.capport import Standing
from district.problems import NotFound, Unavailable
from district.proxies import network_of
from district.settings import Settings

router = APIRouter(tags=["gateways"])
MEDIA_TYPE = "application/captive+json"
PER_NETWORK_MINUTE = 600
"""Everybody behind one gateway asks from one address when he comes; who tries MAC addresses needs more."""


class NeedsTls(NotFound):
    """RFC 8908 §4 wants TLS for the API and for the addresses in it."""

    slug, title = "capport-needs-tls", "The Captive Portal API is off without TLS"


@router.get(
    "/capport/v1/{token}",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object", "required": ["captive"]}}}}},
    response_class=JSONResponse,
)
def answer(
    token: Annotated[str, Path(max_length=tokens.MAX_TOKEN)],
    request: Request,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
) -> JSONResponse:
    """Whether a client is captive, where to sign in, and what is left of its session."""
    settings: Settings = request.app.state.settings
    asked = tokens.read(_secret(settings), token)
    district, gateway = gateways.find(session, registry, asked.gateway)
    origin = _origin(request, settings, gateway)
    address = network_of(request)
    if not asked.is_own:
        limit = Limit(
            subject=f"capport:{address}",
            period=timedelta(minutes=1),
            most=PER_NETWORK_MINUTE,
            detail="This network has asked too often. Ask again in a minute.",
            detail_zh="本网络查询过于频繁，请一分钟后再试。",
        )
        limits.take(session, district.id, limit, clock=clock)
    found = capport.standing(session, district, gateway, asked, address=address, clock=clock)
    body = {
        "captive": found.is_captive,
        "user-portal-url": f"{origin}/portal/{gateway.slug}/start",
        "venue-info-url": f"{origin}/d/{district.slug}",
        "can-extend-session": False,
    }
    return JSONResponse(
        body | _left(found), media_type=MEDIA_TYPE, headers={"Cache-Control": "private, no-store"}
    )


def _left(found: Standing) -> dict[str, Any]:
    left = {"seconds-remaining": found.seconds_remaining, "bytes-remaining": found.bytes_remaining}
    return {name: value for name, value in left.items() if value is not None}


def _secret(settings: Settings) -> str:
    if settings.secret is None:
        raise Unavailable(
            "Set DISTRICT_SECRET: the addresses of this interface are signed with it.", retry_after_s=3600
        )
    return settings.secret.get_secret_value()


def _origin(request: Request, settings: Settings, gateway: Gateway) -> str:
    """The https origin that browsers use. Raises: NeedsTls."""
    origin = tokens.origin_of(gateway.public_url, settings.public_url, str(request.base_url))
    if not origin:
        raise NeedsTls(
            "Set DISTRICT_TLS_CERT and DISTRICT_TLS_KEY, or put a proxy with TLS in front and name it in "
            "DISTRICT_TRUSTED_PROXIES."
        )
    return origin
