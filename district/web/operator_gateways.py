"""Gateways: how each does, what to paste into it, and how its sign-in page does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.gateways import routes, service
from district.gateways.models import Gateway, WifiSession
from district.gateways.queries import LAST_OF_EACH_SQL
from district.portal import visits
from district.problems import Conflict
from district.web.operator_gateway_form import choices_of, method_names
from district.web.operator_redirect_words import redirect_words
from district.web.operator_shell import machine_ago, waiting
from district.web.operator_vendors import NAMES, needs_radius, way_of
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from district.zones.models import Zone

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 200
FIGURES_OVER = timedelta(days=28)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A gateway in the list."""

    slug: str
    name: str
    vendor: str
    methods: list[str]
    is_real_name: bool
    logins: int
    today: int
    last_at: datetime | None
    """Of a sign-in; business time."""
    redirect_at: datetime | None
    problem: str
    problem_at: datetime | None
    is_mended: bool
    """Somebody was let in after the problem."""


@router.get("/operator/gateways")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """All gateways and how they do."""
    return render(
        request,
        "operator/gateways.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        gateways=listed(session, operator, clock),
        vendor_names=NAMES,
        method_names=method_names,
        machine_ago=machine_ago(clock),
        redirect_words=redirect_words,
    )


def listed(session: Session, operator: Staff, clock: Clock) -> list[Listed]:
    """The gateways with what came of them."""
    district = operator.district
    start = district.day_starts_at(district.trading_day(clock.now()))
    counted = (
        select(
            WifiSession.gateway_id,
            func.count(),
            func.count().filter(WifiSession.granted_at >= start),
            func.max(WifiSession.granted_at),
        )
        .where(WifiSession.district_id == district.id)
        .group_by(WifiSession.gateway_id)
    )
    used = {row[0]: (row[1], row[2], row[3]) for row in session.execute(counted)}
    told = {
        row["gateway_id"]: dict(row)
        for row in session.execute(text(LAST_OF_EACH_SQL), {"district_id": district.id}).mappings()
    }
    rows = service.page(session, district.id, after="", limit=MOST_SHOWN)
    return [_listed(row, used.get(row.id, (0, 0, None)), told.get(row.id, {})) for row in rows]


def _listed(row: Gateway, used: tuple[int, int, datetime | None], told: Mapping[str, Any]) -> Listed:
    problem_at, let_in_at = told.get("problem_at"), told.get("let_in_at")
    return Listed(
        slug=row.slug,
        name=row.name,
        vendor=row.vendor,
        methods=row.methods,
        is_real_name=row.is_real_name,
        logins=used[0],
        today=used[1],
        last_at=used[2],
        redirect_at=told.get("redirect_at"),
        problem=told.get("problem") or "",
        problem_at=problem_at,
        is_mended=problem_at is not None and let_in_at is not None and let_in_at > problem_at,
    )


@router.get("/operator/gateways/{slug}")
def one(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep, made: str = ""
) -> HTMLResponse:
    """One gateway: what to paste, what it is, and how its sign-in page does."""
    row = service.get(session, operator.district.id, slug)
    end = operator.district.trading_day(clock.now()) + timedelta(days=1)
    request.app.state.later.flush()
    zone = session.get(Zone, (row.district_id, row.zone_id)) if row.zone_id else None
    return render(
        request,
        "operator/gateway.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        gateway=routes.answer(request, session, row),
        zone=zone,
        made=bool(made),
        is_used=_is_used(session, row),
        vendor_names=NAMES,
        method_names=method_names,
        providers=choices_of(session, operator).providers,
        way_of=way_of,
        needs_radius=needs_radius(row.vendor),
        figures=visits.sign_ins(session, row.district_id, row.id, since=end - FIGURES_OVER, until=end),
    )


@router.post("/operator/gateways/{slug}/remove", dependencies=[Depends(require_own_form)])
def remove(slug: str, operator: Operator, session: DbSession) -> Response:
    """Forget one that nobody signed in through; its portal address stops working at once."""
    row = service.get(session, operator.district.id, slug)
    if _is_used(session, row):
        raise Conflict("People signed in through this gateway; its record stays.")
    service.remove(session, operator.district, slug)
    return RedirectResponse("/operator/gateways", HTTPStatus.SEE_OTHER)


def _is_used(session: Session, row: Gateway) -> bool:
    used = select(WifiSession.id).where(
        WifiSession.district_id == row.district_id, WifiSession.gateway_id == row.id
    )
    return session.scalar(used.limit(1)) is not None
