"""OpenID Connect providers: whose accounts open the Wi-Fi."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.portal import oidc, providers
from district.portal.schemas import NewProvider, ProviderChange
from district.problems import Conflict, Invalid
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 100
CHANGED = ("name", "issuer", "client_id", "scope")


@router.get("/operator/wifi/providers")
def page(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, edit: str = ""
) -> HTMLResponse:
    """Every provider, with the address to be entered there, and the form: of a new one, or of the one to change."""
    filled = Sent()
    if edit:
        row = oidc.find(session, operator.district.id, edit[:40])
        filled = Sent(values={name: (getattr(row, name),) for name in CHANGED})
    return _page(request, operator, session, clock, filled=filled, edited=edit[:40])


@router.post("/operator/wifi/providers", dependencies=[Depends(require_own_form)])
def create(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Register one; its own description is read at once."""
    names = ("slug", "name", "issuer", "client_id", "client_secret")
    values = {name: sent.one(name) for name in names} | {"scope": sent.one("scope") or "openid email phone"}
    try:
        wanted = NewProvider.model_validate(values)
        providers.check_issuer(wanted.issuer, request.app.state.settings)
        providers.create(session, operator.district, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, wrong=wrong)
    return RedirectResponse("/operator/wifi/providers", HTTPStatus.SEE_OTHER)


@router.post("/operator/wifi/providers/{slug}", dependencies=[Depends(require_own_form)])
def change(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Change one; an empty secret stays as it is, but for another issuer."""
    values = {name: sent.one(name) for name in CHANGED if sent.one(name)}
    values |= {"client_secret": sent.one("client_secret")} if sent.one("client_secret") else {}
    row = oidc.find(session, operator.district.id, slug[:40])
    try:
        wanted = ProviderChange.model_validate(values)
        if wanted.issuer not in {"", row.issuer}:
            providers.check_issuer(wanted.issuer, request.app.state.settings)
        providers.change(session, operator.district, row.slug, wanted)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, edited=row.slug, wrong=wrong)
    return RedirectResponse("/operator/wifi/providers", HTTPStatus.SEE_OTHER)


@router.post("/operator/wifi/providers/{slug}/remove", dependencies=[Depends(require_own_form)])
def remove(slug: str, operator: Operator, session: DbSession) -> Response:
    """Forget one; whom it named stay members."""
    providers.remove(session, operator.district, slug)
    return RedirectResponse("/operator/wifi/providers", HTTPStatus.SEE_OTHER)


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
    origin = (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")
    slug = operator.district.slug
    rows = providers.page(session, operator.district.id, after="", limit=MOST_SHOWN)
    return render(
        request,
        "operator/providers.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        providers=[(row, f"{origin}/oidc/{slug}/{row.slug}/callback") for row in rows],
        callback=f"{origin}/oidc/{slug}/…/callback",
        mark=oidc.METHOD_MARK,
        filled=filled,
        edited=edited,
        wrong=wrong,
    )
