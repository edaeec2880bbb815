"""Operators' interface to who is on line, and to its end."""

import uuid
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.paging import PlaceDep
from district.districts.service import DistrictDep
from district.gateways import endings, sessions
from district.gateways.models import Gateway, SessionEnding, WifiSession
from district.problems import NotFound

router = APIRouter(prefix="/v1/districts/{d}/wifi-sessions", tags=["gateways"])
SHORT_PSEUDONYM = 8
"""Bytes: enough to tell devices apart on a page."""


class EndingView(BaseModel):
    """What became of the order to end a session."""

    reason: str
    requested_at: datetime
    attempts: int
    done_at: datetime | None
    """Empty while it is tried again."""
    answer: str
    """What the gateway said last."""


class SessionView(BaseModel):
    """A session; devices are shown by pseudonym."""

    id: uuid.UUID
    gateway: str
    member_id: uuid.UUID
    device: str
    method: str
    granted_at: datetime
    expires_at: datetime | None
    confirmed_at: datetime | None
    """Empty: a claim that nobody has confirmed."""
    confirmed_by: str
    ended_at: datetime | None
    ended_because: str
    ending: EndingView | None


class SessionPage(BaseModel):
    """Open sessions, the oldest first."""

    items: list[SessionView]
    next: uuid.UUID | None


def _views(session: Session, district_id: uuid.UUID, rows: list[WifiSession]) -> list[SessionView]:
    asked = endings.newest_of(session, district_id, [row.id for row in rows])
    named = select(Gateway.id, Gateway.slug).where(
        Gateway.district_id == district_id, Gateway.id.in_({row.gateway_id for row in rows})
    )
    slugs = {row.id: row.slug for row in session.execute(named)}
    return [_view(row, slugs.get(row.gateway_id, ""), asked.get(row.id)) for row in rows]


def _view(row: WifiSession, gateway: str, ending: SessionEnding | None) -> SessionView:
    return SessionView(
        id=row.id,
        gateway=gateway,
        member_id=row.member_id,
        device=row.alias[:SHORT_PSEUDONYM].hex(),
        method=row.method,
        granted_at=row.granted_at,
        expires_at=row.expires_at,
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
        ended_at=row.ended_at,
        ended_because=row.ended_because,
        ending=EndingView.model_validate(ending, from_attributes=True) if ending else None,
    )


def find(session: Session, district_id: uuid.UUID, session_id: uuid.UUID) -> WifiSession:
    """Raises: NotFound."""
    row = session.get(WifiSession, (district_id, session_id))
    if row is None:
        raise NotFound("No such session.")
    return row


@router.get("")
def list_(operator: Operator, district: DistrictDep, session: DbSession, at: PlaceDep) -> SessionPage:
    """Who is on line now."""
    found = select(WifiSession).where(WifiSession.district_id == district.id, WifiSession.ended_at.is_(None))
    if at.after is not None:
        found = found.where(WifiSession.id > at.after)
    rows = list(session.scalars(found.order_by(WifiSession.id).limit(at.limit + 1)))
    following = rows[at.limit - 1].id if len(rows) > at.limit else None
    return SessionPage(items=_views(session, district.id, rows[: at.limit]), next=following)


@router.get("/{session_id}")
def get(session_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession) -> SessionView:
    """One session, with what the gateway said to its end."""
    return _views(session, district.id, [find(session, district.id, session_id)])[0]


@router.post("/{session_id}/end", status_code=HTTPStatus.ACCEPTED)
def end(
    session_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> SessionView:
    """Send a device off; the gateway is told at once, and again until it answers. Twice is once."""
    row = session.get(WifiSession, (district.id, session_id), with_for_update=True)
    if row is None:
        raise NotFound("No such session.")
    asked = endings.newest_of(session, district.id, [row.id]).get(row.id)
    if row.ended_at is None and (asked is None or asked.done_at is not None):
        sessions.ask_to_end(session, district.id, reason="operator", clock=clock, wifi_session_id=row.id)
    return _views(session, district.id, [row])[0]
