"""Gateways: who stands before the access points, and what to paste into it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.gateways import service
from district.gateways.models import Gateway, WifiSession
from district.gateways.routes import portal_url
from district.gateways.schemas import NewGateway
from district.problems import Conflict, DistrictError
from district.web.explained import explained
from district.web.language import gettext as _
from district.web.language import negotiate
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 200
SHORT = 60
BLANK = {"slug": "", "vendor": "", "public_url": "", "networks": ""}


@router.get("/operator/gateways")
def page(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, made: str = ""
) -> HTMLResponse:
    """All gateways, each with its configuration; one just made is opened."""
    return _page(request, operator, session, clock, made=made[:SHORT])


@router.post("/operator/gateways", dependencies=[Depends(require_own_form)])
def create(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    slug: Annotated[str, Form(max_length=SHORT)] = "",
    vendor: Annotated[str, Form(max_length=SHORT)] = "",
    public_url: Annotated[str, Form(max_length=300)] = "",
    networks: Annotated[str, Form(max_length=2_000)] = "",
    methods: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Register one, or the form again with what is wrong."""
    filled = {"slug": slug.strip(), "vendor": vendor, "public_url": public_url.strip(), "networks": networks}
    try:
        new = NewGateway.model_validate(
            {
                "slug": filled["slug"],
                "vendor": vendor,
                "public_url": filled["public_url"],
                "allow_networks": networks.split(),
                "methods": methods or ["click"],
            }
        )
        with session.begin_nested():
            service.create(session, operator.district, new, clock=clock)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        return _page(request, operator, session, clock, filled=filled, wrong=wrong)
    except DistrictError as error:
        words = explained(error, negotiate(request))
        return _page(request, operator, session, clock, filled=filled, error=words)
    return RedirectResponse(f"/operator/gateways?made={new.slug}", HTTPStatus.SEE_OTHER)


@router.post("/operator/gateways/{slug}/remove", dependencies=[Depends(require_own_form)])
def remove(slug: str, operator: Operator, session: DbSession) -> Response:
    """Forget one that nobody signed in through; its portal address stops working at once."""
    row = service.get(session, operator.district.id, slug)
    used = select(WifiSession.id).where(
        WifiSession.district_id == row.district_id, WifiSession.gateway_id == row.id
    )
    if session.scalar(used.limit(1)) is not None:
        raise Conflict("People signed in through this gateway; its record stays.")
    service.remove(session, operator.district, slug)
    return RedirectResponse("/operator/gateways", HTTPStatus.SEE_OTHER)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    made: str = "",
    filled: dict[str, str] | None = None,
    wrong: set[str] | None = None,
    error: str = "",
) -> HTMLResponse:
    rows = service.page(session, operator.district.id, after="", limit=MOST_SHOWN)
    logins = select(WifiSession.gateway_id, func.count(), func.max(WifiSession.granted_at)).where(
        WifiSession.district_id == operator.district.id
    )
    used = {row[0]: (row[1], row[2]) for row in session.execute(logins.group_by(WifiSession.gateway_id))}
    return render(
        request,
        "operator/gateways.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong or error else HTTPStatus.OK,
        gateways=[_shown(request, row, used.get(row.id, (0, None))) for row in rows],
        vendors=tuple(service.DIALECTS),
        made=made,
        filled=filled or BLANK,
        wrong=wrong or set(),
        error=error,
        method_names=method_names,
    )


def _shown(request: Request, row: Gateway, used: tuple[int, object]) -> dict[str, object]:
    url = portal_url(request, row)
    dialect = service.DIALECTS.get(row.vendor)
    return {
        "slug": row.slug,
        "vendor": row.vendor,
        "url": url,
        "methods": row.methods,
        "networks": row.allow_networks,
        "logins": used[0],
        "last_at": used[1],
        "configuration": dialect.configuration(service.info_of(row), portal_url=url) if dialect else "",
    }


def method_names() -> dict[str, str]:
    """Ways to sign in, in words."""
    return {"click": _("one tap"), "phone": _("phone code"), "email": _("e-mail code")}
