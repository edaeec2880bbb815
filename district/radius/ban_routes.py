"""Operators' interface to bans: who is not let in, and whoever is on line goes at once."""

import uuid
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep, DistrictInfo
from district.gateways import bans
from district.gateways.models import Ban
from district.gateways.redirects import BadRedirect, client_mac_of
from district.members import service as members
from district.problems import Invalid
from district.radius import ending
from district.radius.session_routes import find as session_of

router = APIRouter(prefix="/v1/districts/{d}/bans", tags=["gateways"])
Reason = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", strip_whitespace=True)
]


class BanRequest(BaseModel):
    """Whom to keep out: by device address, by member, or both as a session names them."""

    model_config = ConfigDict(extra="forbid")

    mac: Annotated[str, StringConstraints(max_length=20)] | None = None
    member_id: uuid.UUID | None = None
    wifi_session_id: uuid.UUID | None = None
    reason: Reason = ""
    until: AwareDatetime | None = None
    """Null: until it is lifted."""


class BanView(BaseModel):
    """A ban; a device is shown by its pseudonym."""

    id: uuid.UUID
    device: str | None
    member_id: uuid.UUID | None
    reason: str
    created_at: datetime
    until: datetime | None
    sessions_ending: int | None = None
    """How many sessions are being ended by it; in the answer that makes it."""


def view(row: Ban, *, sessions_ending: int | None = None) -> BanView:
    """A ban as operators see it."""
    return BanView(
        id=row.id,
        device=row.alias[:8].hex() if row.alias else None,
        member_id=row.member_id,
        reason=row.reason,
        created_at=row.created_at,
        until=row.until,
        sessions_ending=sessions_ending,
    )


def make(session: Session, district: DistrictInfo, new: BanRequest, *, clock: Clock) -> BanView:
    """Keep somebody out and ask to end what he has open, in one commit. Raises: NotFound, Invalid."""
    alias, member_id = _alias(district, new.mac), new.member_id
    if new.wifi_session_id is not None:
        row = session_of(session, district.id, new.wifi_session_id)
        alias, member_id = alias or row.alias, member_id or row.member_id
    if member_id is not None:
        members.get(session, district.id, member_id)
    ban = bans.create(
        session,
        district.id,
        bans.NewBan(reason=new.reason, until=new.until, alias=alias, member_id=member_id),
        clock=clock,
    )
    count = ending.end_all(
        session, district.id, reason="banned", clock=clock, member_id=member_id, alias=alias
    )
    return view(ban, sessions_ending=count)


def _alias(district: DistrictInfo, mac: str | None) -> bytes | None:
    if mac is None:
        return None
    try:
        return members.alias_of(district, client_mac_of(mac))
    except BadRedirect:
        detail = "This is not the MAC address of a device, such as 02:aa:22:33:44:66."
        raise Invalid("See errors.", errors=[{"pointer": "/mac", "detail": detail}]) from None


@router.post("", status_code=HTTPStatus.CREATED, response_model=BanView)
def create(
    new: BanRequest,
    request: Request,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Keep a device or a member out from now on, and end their sessions."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: make(session, district, new, clock=clock),
        machine_now=clock.machine_now(),
    )


@router.get("")
def list_(operator: Operator, district: DistrictDep, session: DbSession, at: PlaceDep) -> Page[BanView]:
    """The district's bans, over ones too."""
    return paging.read(session, select(Ban).where(Ban.district_id == district.id), Ban.id, at, view)


@router.get("/{ban_id}")
def get(ban_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession) -> BanView:
    """One ban."""
    return view(bans.get(session, district.id, ban_id))


@router.delete("/{ban_id}", status_code=HTTPStatus.NO_CONTENT)
def lift(ban_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Let them in again."""
    bans.lift(session, district.id, ban_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
