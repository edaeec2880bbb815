"""Merchants whom the caller lets write nothing to him."""

import uuid
from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbSession
from district.members import mutes
from district.members import service as members

router = APIRouter(prefix="/v1/me", tags=["members"])
PRIVATE = {"Cache-Control": "no-store"}


class MuteOut(BaseModel):
    """A merchant that may not write, and since when."""

    merchant_id: uuid.UUID
    at: datetime


@router.get("/mutes")
def read_mutes(principal: Shopper, session: DbSession, response: Response) -> list[MuteOut]:
    """The merchants that may not write to the caller, the newest first."""
    member = members.get(session, principal.district_id, principal.subject_id)
    response.headers.update(PRIVATE)
    rows = mutes.muted(session, principal.district_id, member.id)
    return [MuteOut(merchant_id=row.merchant_id, at=row.at) for row in rows]


@router.put("/mutes/{merchant_id}", status_code=204)
def mute(merchant_id: uuid.UUID, principal: Shopper, session: DbSession, clock: ClockDep) -> Response:
    """Let a merchant write no more, by any channel; what waits to be sent is not sent."""
    member = members.get(session, principal.district_id, principal.subject_id)
    mutes.mute(session, principal.district_id, member.id, merchant_id, source="me", at=clock.now())
    return Response(status_code=204)


@router.delete("/mutes/{merchant_id}", status_code=204)
def unmute(merchant_id: uuid.UUID, principal: Shopper, session: DbSession) -> Response:
    """Let a merchant write again; not having muted it is no error."""
    member = members.get(session, principal.district_id, principal.subject_id)
    mutes.unmute(session, principal.district_id, member.id, merchant_id)
    return Response(status_code=204)
