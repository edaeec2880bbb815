"""What Apple's wallet asks: the paths and answers are Apple's ("Adding a web service to update passes")."""

import json
from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from district import bodies
from district.channels.kinds import wallet as kinds
from district.clock import Clock, ClockDep
from district.database import DbPool, Pool
from district.deliveries import wallet_passes, wallet_registrations
from district.deliveries.wallet_passes import Desk, WalletRow
from district.deliveries.wallet_registrations import Holder
from district.districts.service import RegistryDep
from district.problems import NotAuthenticated, NotFound, Unavailable
from district.sealing import SealBroken
from district.stores.public import stores_of
from push.channels.wallet_apple import MEDIA_TYPE, IdentityInvalid

router = APIRouter(prefix="/wallet/{slug}/v1")
log = structlog.get_logger()
MOST_BYTES: Final = 16 * 1024
UNUSABLE: Final = (SealBroken, ValidationError, IdentityInvalid)
ENTER_ANEW: Final = "The certificate of this wallet cannot be used: enter it anew."
Name = Annotated[str, Path(max_length=200)]
Authorization = Annotated[str, Header(max_length=200)]


@dataclass(frozen=True, kw_only=True)
class Service:
    """The passes of a district, and the pass type that a request names."""

    desk: Desk
    row: WalletRow


async def service(
    slug: str, pass_type: Name, request: Request, registry: RegistryDep, pool: DbPool, clock: ClockDep
) -> Service:
    """Raises: NotFound for another pass type than the district's; Unavailable."""
    desk = await desk_of(request, registry.find(slug).slug, pool, clock)
    row = (await wallet_passes.wallets_of(pool, desk.district.id)).get(kinds.APPLE)
    try:
        if row is None or desk.identity(row).pass_type != pass_type:
            raise NotFound("No such pass type.")
    except UNUSABLE as error:
        raise Unavailable(ENTER_ANEW) from error
    return Service(desk=desk, row=row)


ServiceDep = Annotated[Service, Depends(service)]


async def desk_of(request: Request, slug: str, pool: Pool, clock: Clock) -> Desk:
    """Makes passes of a district; without places while the stores have not been read."""
    try:
        book = stores_of(request, slug)
    except Unavailable:
        book = None
    return Desk(
        pool=pool,
        district=request.app.state.registry.value.find(slug),
        settings=request.app.state.settings,
        clock=clock,
        book=book,
    )


async def _holder(found: Service, serial: str, authorization: str) -> Holder:
    """Raises: NotAuthenticated."""
    known = await wallet_registrations.holder(found.desk, serial, authorization)
    if known is None:
        raise NotAuthenticated("This is not the token of this pass.")
    return known


REGISTRATIONS: Final = "/devices/{device}/registrations/{pass_type}"


@router.post(REGISTRATIONS + "/{serial}")
async def register(
    device: Name, serial: Name, request: Request, found: ServiceDep, authorization: Authorization = ""
) -> Response:
    """A telephone has the pass and wants to be told of changes: 201, or 200 when it was known."""
    known = await _holder(found, serial, authorization)
    body = await bodies.read(request, limit_bytes=MOST_BYTES, pause=request.app.state.settings.body_timeout)
    token = _push_token(body)
    if token is None:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    hashed = wallet_registrations.device_hash(device)
    is_new = await wallet_registrations.register(found.desk, found.row, known, hashed, token)
    return Response(status_code=HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@router.delete(REGISTRATIONS + "/{serial}")
async def unregister(
    device: Name, serial: Name, found: ServiceDep, authorization: Authorization = ""
) -> Response:
    """A telephone has the pass no more."""
    known = await _holder(found, serial, authorization)
    hashed = wallet_registrations.device_hash(device)
    await wallet_registrations.unregister(found.desk, found.row, known, hashed)
    return Response(status_code=HTTPStatus.OK)


@router.get(REGISTRATIONS)
async def list_changed(
    device: Name,
    found: ServiceDep,
    since: Annotated[str, Query(alias="passesUpdatedSince", max_length=40)] = "",
) -> Response:
    """Which passes of a telephone changed; who knows the telephone's name may ask, as Apple's protocol has it."""
    hashed = wallet_registrations.device_hash(device)
    changed = await wallet_registrations.changed(found.desk, found.row, hashed, since)
    if changed is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    serials, tag = changed
    if not serials:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return JSONResponse({"serialNumbers": serials, "lastUpdated": tag}, headers={"Cache-Control": "no-store"})


@router.get("/passes/{pass_type}/{serial}")
async def give(serial: Name, found: ServiceDep, authorization: Authorization = "") -> Response:
    """The pass as it stands now."""
    known = await _holder(found, serial, authorization)
    return await answer(found.desk, found.row, known)


@router.post("/log")
async def hear(slug: str, request: Request, registry: RegistryDep) -> Response:
    """What a wallet complains about. Its words may name a person's telephone: only that it did is kept."""
    registry.find(slug)
    body = await bodies.read(request, limit_bytes=MOST_BYTES, pause=request.app.state.settings.body_timeout)
    log.warning("wallet.complains", bytes=len(body))
    return Response(status_code=HTTPStatus.OK)


async def answer(desk: Desk, row: WalletRow, known: Holder) -> Response:
    """A pass as an answer. Raises: NotFound, Unavailable."""
    coupon = await desk.coupon(known.member_id, known.offer_id, known.language)
    try:
        made = desk.apple(coupon, row)
    except UNUSABLE as error:
        raise Unavailable(ENTER_ANEW) from error
    headers = {
        "Cache-Control": "no-store",
        "Last-Modified": format_datetime(desk.clock.machine_now(), usegmt=True),
        "Content-Disposition": 'attachment; filename="coupon.pkpass"',
    }
    return Response(made, media_type=MEDIA_TYPE, headers=headers)


def _push_token(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    token = document.get("pushToken") if isinstance(document, dict) else None
    return token if wallet_registrations.is_push_token(token) and isinstance(token, str) else None
