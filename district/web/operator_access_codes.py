"""Batches of access codes: made, printed, taken away as a file, and ended."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.gateways.models import Plan
from district.problems import Invalid
from district.vouchers import routes as vouchers
from district.vouchers import service
from district.vouchers.schemas import NewBatch
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, local_time, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 100


@router.get("/operator/access-codes")
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    after: Annotated[uuid.UUID | None, Query()] = None,
) -> HTMLResponse:
    """The batches and how far they are used."""
    return _page(request, operator, session, clock, filled=Sent(), after=after)


@router.post("/operator/access-codes", dependencies=[Depends(require_own_form)])
def make(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make a batch, or the form again with what is wrong."""
    district = operator.district
    try:
        wanted = NewBatch.model_validate(
            {
                "name": sent.one("name"),
                "count": sent.one("count"),
                "uses": sent.one("uses") or "1",
                "plan": sent.one("plan") or None,
                "valid_until": local_time(sent.one("valid_until"), district.zone),
            }
        )
        with session.begin_nested():
            service.create(session, district, wanted, clock=clock)
    except (ValidationError, Invalid) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, wrong=wrong)
    return RedirectResponse("/operator/access-codes", HTTPStatus.SEE_OTHER)


@router.post("/operator/access-codes/{batch_id}/revoke", dependencies=[Depends(require_own_form)])
def revoke(batch_id: uuid.UUID, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """End every code of a batch; who is on line stays so."""
    service.revoke(session, operator.district.id, batch_id, clock=clock)
    return RedirectResponse("/operator/access-codes", HTTPStatus.SEE_OTHER)


@router.get("/operator/access-codes/{batch_id}.csv")
def as_csv(batch_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """The codes of a batch as a file."""
    return vouchers.as_csv(batch_id, operator.principal, operator.district, session)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    wrong: Wrong = RIGHT,
    after: uuid.UUID | None = None,
) -> HTMLResponse:
    district_id = operator.district.id
    rows = service.page(session, district_id, after=after, limit=MOST_SHOWN + 1)
    plans = select(Plan).where(Plan.district_id == district_id).order_by(Plan.slug).limit(MOST_SHOWN)
    return render(
        request,
        "operator/access_codes.html",
        shell=operator.shell(request, badges=waiting(session, district_id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        batches=list(reversed(rows[:MOST_SHOWN])),
        next=rows[MOST_SHOWN - 1].id if len(rows) > MOST_SHOWN else None,
        plans=session.scalars(plans).all(),
        filled=filled,
        wrong=wrong,
    )
