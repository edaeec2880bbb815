"""Who is on line now, and the button that ends it; and who is not let in at all."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.paging import Place
from district.gateways import bans
from district.gateways.models import Ban, Plan, WifiSession
from district.problems import Invalid, NotFound
from district.radius import ban_routes, session_routes
from district.radius.ban_routes import BanRequest, BanView
from district.radius.models import RadiusSession
from district.radius.session_routes import SessionView
from district.web.language import gettext as _
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, local_time, wrong_of
from district.web.operator_gateway_form import method_names
from district.web.operator_shell import machine_ago, waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 100
MOST_BANS = 500


@dataclass(frozen=True, kw_only=True)
class OnLine:
    """A session on the page."""

    view: SessionView
    plan: str
    octets: int | None
    """Both directions, as RADIUS told; None where it told nothing."""


@router.get("/operator/wifi/sessions")
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    after: Annotated[uuid.UUID | None, Query()] = None,
) -> HTMLResponse:
    """Open sessions, the oldest first, a hundred at a time."""
    place = Place(after=after, limit=MOST_SHOWN)
    found = session_routes.list_(operator.principal, operator.district, session, place)
    is_open = (WifiSession.district_id == operator.district.id) & WifiSession.ended_at.is_(None)
    return render(
        request,
        "operator/sessions.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        sessions=_on_line(session, operator, found.items),
        total=session.scalar(select(func.count()).select_from(WifiSession).where(is_open)) or 0,
        next=found.next,
        method_names=method_names,
        confirmed_names=confirmed_names,
        machine_ago=machine_ago(clock),
    )


def _on_line(session: Session, operator: Staff, views: list[SessionView]) -> list[OnLine]:
    ids = [view.id for view in views]
    district_id = operator.district.id
    rows = (
        select(WifiSession.id, Plan.name, Plan.slug)
        .outerjoin(Plan, (Plan.district_id == WifiSession.district_id) & (Plan.id == WifiSession.plan_id))
        .where(WifiSession.district_id == district_id, WifiSession.id.in_(ids))
    )
    plans = {row[0]: row[1] or row[2] or "" for row in session.execute(rows)}
    told = (
        select(RadiusSession.wifi_session_id, func.sum(RadiusSession.up_octets + RadiusSession.down_octets))
        .where(RadiusSession.district_id == district_id, RadiusSession.wifi_session_id.in_(ids))
        .group_by(RadiusSession.wifi_session_id)
    )
    octets = {row[0]: int(row[1]) for row in session.execute(told)}
    return [OnLine(view=view, plan=plans.get(view.id, ""), octets=octets.get(view.id)) for view in views]


@router.post("/operator/wifi/sessions/{session_id}/end", dependencies=[Depends(require_own_form)])
def end(session_id: uuid.UUID, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """Send a device off; the gateway is told at once."""
    session_routes.end(session_id, operator.principal, operator.district, session, clock)
    return RedirectResponse("/operator/wifi/sessions", HTTPStatus.SEE_OTHER)


@router.get("/operator/wifi/bans")
def bans_page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    of: Annotated[uuid.UUID | None, Query(alias="session")] = None,
) -> HTMLResponse:
    """Who is kept out, and the form for one more; ``session`` names somebody who is on line."""
    if of is not None:
        session_routes.find(session, operator.district.id, of)
    filled = Sent(values={"wifi_session_id": (str(of or ""),)})
    return _bans(request, operator, session, clock, filled=filled)


@router.post("/operator/wifi/bans", dependencies=[Depends(require_own_form)])
def ban(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Keep somebody out and end what he has open."""
    district = operator.district
    try:
        wanted = BanRequest.model_validate(
            {
                "mac": sent.one("mac") or None,
                "wifi_session_id": sent.one("wifi_session_id") or None,
                "reason": sent.one("reason"),
                "until": local_time(sent.one("until"), district.zone),
            }
        )
        with session.begin_nested():
            ban_routes.make(session, district, wanted, clock=clock)
    except (ValidationError, Invalid, NotFound) as error:
        wrong = wrong_of(error, negotiate(request))
        return _bans(request, operator, session, clock, filled=sent, wrong=wrong)
    return RedirectResponse("/operator/wifi/bans", HTTPStatus.SEE_OTHER)


@router.post("/operator/wifi/bans/{ban_id}/lift", dependencies=[Depends(require_own_form)])
def lift(ban_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """Let somebody in again."""
    bans.lift(session, operator.district.id, ban_id)
    return RedirectResponse("/operator/wifi/bans", HTTPStatus.SEE_OTHER)


def _bans(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    rows = select(Ban).where(Ban.district_id == operator.district.id)
    found: list[BanView] = [
        ban_routes.view(row) for row in session.scalars(rows.order_by(Ban.id.desc()).limit(MOST_BANS))
    ]
    return render(
        request,
        "operator/bans.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        bans=found,
        filled=filled,
        wrong=wrong,
    )


def confirmed_names() -> dict[str, str]:
    """Who says that a device is on line, in words."""
    return {
        "signature": _("signed redirect"),
        "controller": _("controller"),
        "radius": "RADIUS",
        "gateway": _("gateway"),
    }
