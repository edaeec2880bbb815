"""Providers of text messages: by which people sign in, and end messages, with a telephone of any kind."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.portal import text_providers
from district.portal.models import SmsProvider
from district.portal.text_routes import view_of
from district.portal.text_schemas import NewTextProvider, TextProviderChange
from district.problems import Conflict, Invalid
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/wifi/texting"
MOST_SHOWN = 100


@router.get(PAGE)
def page(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, edit: str = ""
) -> HTMLResponse:
    """Every provider, and the form: of a new one, or of the one to change."""
    filled = Sent()
    if edit:
        row = text_providers.find(session, operator.district.id, edit[:40])
        filled = Sent(values={name: (getattr(row, name),) for name in ("slug", "name", "number", "keyword")})
    return _page(request, operator, session, clock, filled=filled, edited=edit[:40])


@router.post(PAGE, dependencies=[Depends(require_own_form)])
def save(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Register one, whose secret this answer alone shows, or change one."""
    edited = sent.one("edited")[:40]
    values = {name: sent.one(name) for name in ("name", "number", "keyword")}
    values |= {"secret": sent.one("secret")} if sent.one("secret") else {}
    try:
        if edited:
            changed = TextProviderChange.model_validate(values)
            text_providers.change(session, operator.district, edited, changed, clock=clock)
            return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)
        wanted = NewTextProvider.model_validate(values | {"slug": sent.one("slug")})
        row = text_providers.create(session, operator.district, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, edited=edited, wrong=wrong)
    return _page(request, operator, session, clock, filled=Sent(), fresh=row)


@router.post(f"{PAGE}/{{slug}}/remove", dependencies=[Depends(require_own_form)])
def remove(slug: str, operator: Operator, session: DbSession) -> Response:
    """Forget one; its address stops working at once."""
    text_providers.remove(session, operator.district, slug)
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    edited: str = "",
    wrong: Wrong = RIGHT,
    fresh: SmsProvider | None = None,
) -> HTMLResponse:
    rows = text_providers.page(session, operator.district.id, after="", limit=MOST_SHOWN)
    return render(
        request,
        "operator/texting.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        providers=[view_of(request, row) for row in rows],
        filled=filled,
        edited=edited,
        wrong=wrong,
        fresh=fresh,
    )
