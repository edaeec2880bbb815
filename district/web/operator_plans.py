"""Plans: how long, how fast and how much a sign-in may use, in the units that people think in."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts import paging
from district.gateways import plan_changes, plan_routes
from district.gateways.models import Plan
from district.gateways.plan_routes import NewPlan, PlanLimits
from district.problems import Conflict, Invalid
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, scaled, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 200
FACTORS: Mapping[str, float] = {
    "session_s": 60,
    "idle_s": 60,
    "down_kbps": 1_000,
    "up_kbps": 1_000,
    "volume_kib": 1_024,
    "devices": 1,
    "daily_s": 60,
    "daily_kib": 1_024,
}
"""Minutes, Mbit/s and MiB on the page."""


@router.get("/operator/wifi/plans")
def page(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, edit: str = ""
) -> HTMLResponse:
    """The plans, and the form: of a new one, or of the one to change."""
    filled = Sent()
    if edit:
        filled = _of_plan(plan_routes.find(session, operator.district.id, edit[:40]))
    return _page(request, operator, session, clock, filled=filled, edited=edit[:40])


@router.post("/operator/wifi/plans", dependencies=[Depends(require_own_form)])
def save(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make one or change one, or the form again with what is wrong."""
    edited = sent.one("edited")[:40]
    values: dict[str, Any] = {name: scaled(sent.one(name), factor) for name, factor in FACTORS.items()}
    values["name"] = sent.one("name")
    try:
        if edited:
            row = plan_routes.find(session, operator.district.id, edited)
            plan_changes.apply(session, row, PlanLimits.model_validate(values).model_dump(), clock=clock)
        else:
            wanted = NewPlan.model_validate(values | {"slug": sent.one("slug")})
            plan_routes.make(session, operator.district.id, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, edited=edited, wrong=wrong)
    return RedirectResponse("/operator/wifi/plans", HTTPStatus.SEE_OTHER)


@router.post("/operator/wifi/plans/{slug}/remove", dependencies=[Depends(require_own_form)])
def remove(slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """Delete one that nothing uses."""
    try:
        paging.delete(session, plan_routes.find(session, operator.district.id, slug), "plan")
    except Conflict as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=Sent(), wrong=wrong)
    return RedirectResponse("/operator/wifi/plans", HTTPStatus.SEE_OTHER)


def _of_plan(row: Plan) -> Sent:
    values = {"slug": (row.slug,), "name": (row.name,)}
    for name, factor in FACTORS.items():
        value = getattr(row, name)
        values[name] = ("" if value is None else f"{value / factor:g}",)
    return Sent(values=values)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    edited: str = "",
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    rows = select(Plan).where(Plan.district_id == operator.district.id).order_by(Plan.slug).limit(MOST_SHOWN)
    return render(
        request,
        "operator/plans.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        plans=session.scalars(rows).all(),
        filled=filled,
        edited=edited,
        wrong=wrong,
    )
