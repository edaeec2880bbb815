"""Registering a gateway and changing it: first the vendor, then what that vendor needs."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.gateways import service
from district.problems import Conflict, Invalid
from district.web import operator_gateway_form as forms
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, SentForm, Wrong, wrong_of
from district.web.operator_gateway_form import Filled, choices_of, method_names
from district.web.operator_shell import waiting
from district.web.operator_vendors import NAMES, needs_radius, options_of, way_of
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY


@router.get("/operator/new-gateway")
def new(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, vendor: str = ""
) -> HTMLResponse:
    """The vendors to choose from, or the form of one."""
    if vendor not in NAMES:
        return _vendors(request, operator, session, clock)
    return _form(request, operator, session, clock, vendor=vendor, filled=forms.blank(vendor))


@router.post("/operator/gateways", dependencies=[Depends(require_own_form)])
def create(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Register one, or the form again with what is wrong."""
    vendor = sent.one("vendor")
    try:
        wanted = forms.new_of(sent)
        with session.begin_nested():
            row = service.create(session, operator.district, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        if vendor not in NAMES:
            return _vendors(request, operator, session, clock, wrong=wrong)
        filled = forms.of_sent(vendor, sent)
        return _form(request, operator, session, clock, vendor=vendor, filled=filled, wrong=wrong)
    return RedirectResponse(f"/operator/gateways/{row.slug}?made=1", HTTPStatus.SEE_OTHER)


@router.get("/operator/gateways/{slug}/edit")
def edit(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep
) -> HTMLResponse:
    """The form of a gateway as it stands."""
    row = service.get(session, operator.district.id, slug)
    filled = forms.of_gateway(session, row)
    return _form(request, operator, session, clock, vendor=row.vendor, filled=filled, slug=slug)


@router.post("/operator/gateways/{slug}/edit", dependencies=[Depends(require_own_form)])
def change(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Change one, or the form again with what is wrong."""
    row = service.get(session, operator.district.id, slug)
    try:
        wanted = forms.change_of(row.vendor, sent)
        with session.begin_nested():
            service.change(session, operator.district, slug, wanted)
    except (ValidationError, Invalid) as error:
        session.refresh(row)
        filled = forms.of_sent(row.vendor, sent)
        wrong = wrong_of(error, negotiate(request))
        return _form(
            request, operator, session, clock, vendor=row.vendor, filled=filled, wrong=wrong, slug=slug
        )
    return RedirectResponse(f"/operator/gateways/{slug}", HTTPStatus.SEE_OTHER)


def _vendors(
    request: Request, operator: Staff, session: Session, clock: Clock, *, wrong: Wrong = RIGHT
) -> HTMLResponse:
    return render(
        request,
        "operator/gateway_vendors.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=UNPROCESSABLE if wrong else HTTPStatus.OK,
        vendor_names=NAMES,
        way_of=way_of,
        wrong=wrong,
    )


def _form(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    vendor: str,
    filled: Filled,
    wrong: Wrong = RIGHT,
    slug: str = "",
) -> HTMLResponse:
    return render(
        request,
        "operator/gateway_form.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=UNPROCESSABLE if wrong else HTTPStatus.OK,
        make=vendor,
        vendor_name=NAMES[vendor],
        way_of=way_of,
        needs_radius=needs_radius(vendor),
        options=options_of(vendor),
        filled=filled,
        wrong=wrong,
        slug=slug,
        choices=choices_of(session, operator),
        method_names=method_names,
    )
