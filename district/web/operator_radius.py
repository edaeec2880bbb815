"""RADIUS clients of the district, each with a secret that is shown once."""

import uuid
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
from district.gateways import service as gateways
from district.problems import Conflict, Invalid, NotFound
from district.radius import service
from district.radius.models import RadiusClient
from district.radius.schemas import NewRadiusClient, RadiusClientChange
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_GATEWAYS = 200
MOST_SHOWN = 1_000


@router.get("/operator/wifi/radius")
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    edit: uuid.UUID | None = None,
) -> HTMLResponse:
    """Every client, without its secret, and the form: of a new one, or of the one to change."""
    edited = service.get(session, operator.district, edit) if edit else None
    filled = _of_client(session, edited) if edited else None
    return _page(request, operator, session, clock, filled=filled, edited=edited)


@router.post("/operator/wifi/radius", dependencies=[Depends(require_own_form)])
def create(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Register one: this answer is the only one that shows its secret."""
    try:
        wanted = NewRadiusClient.model_validate(_values(sent) | {"secret": sent.one("secret") or None})
        row = service.create(session, operator.district, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict, NotFound) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, wrong=wrong)
    return _page(request, operator, session, clock, fresh=row)


@router.post("/operator/wifi/radius/{client_id}", dependencies=[Depends(require_own_form)])
def change(
    client_id: uuid.UUID,
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    sent: SentForm,
) -> Response:
    """Change one; an empty secret stays as it is."""
    edited = service.get(session, operator.district, client_id)
    secret = {"secret": sent.one("secret")} if sent.one("secret") else {}
    try:
        wanted = RadiusClientChange.model_validate(_values(sent) | secret)
        service.change(session, operator.district, client_id, wanted)
    except (ValidationError, Invalid, Conflict, NotFound) as error:
        wrong = wrong_of(error, negotiate(request))
        session.expire(edited)  # what was refused is not kept, nor flushed by what the page reads
        return _page(request, operator, session, clock, filled=sent, edited=edited, wrong=wrong)
    return RedirectResponse("/operator/wifi/radius", HTTPStatus.SEE_OTHER)


def _values(sent: Sent) -> dict[str, Any]:
    return {
        "name": sent.one("name"),
        "address": sent.one("address"),
        "gateway": sent.one("gateway") or None,
        "nas_identifier": sent.one("nas_identifier"),
        "coa_address": sent.one("coa_address"),
        "coa_port": sent.one("coa_port") or "3799",
    }


def _of_client(session: Session, row: RadiusClient) -> Sent:
    """The form of a client as it stands, without its secret."""
    values = {
        "name": row.name,
        "address": row.address,
        "gateway": service.gateway_slug(session, row) or "",
        "nas_identifier": row.nas_identifier,
        "coa_address": row.coa_address,
        "coa_port": str(row.coa_port),
    }
    return Sent(values={name: (value,) for name, value in values.items()})


@router.post("/operator/wifi/radius/{client_id}/remove", dependencies=[Depends(require_own_form)])
def remove(client_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """Forget one."""
    service.remove(session, operator.district, client_id)
    return RedirectResponse("/operator/wifi/radius", HTTPStatus.SEE_OTHER)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent | None = None,
    wrong: Wrong = RIGHT,
    fresh: RadiusClient | None = None,
    edited: RadiusClient | None = None,
) -> HTMLResponse:
    mine = select(RadiusClient).where(RadiusClient.district_id == operator.district.id)
    rows = session.scalars(mine.order_by(RadiusClient.address, RadiusClient.id).limit(MOST_SHOWN)).all()
    return render(
        request,
        "operator/radius.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        clients=[(row, service.gateway_slug(session, row)) for row in rows],
        gateways=gateways.page(session, operator.district.id, after="", limit=MOST_GATEWAYS),
        filled=filled or Sent(),
        wrong=wrong,
        fresh=fresh,
        edited=edited,
    )
