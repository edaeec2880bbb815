"""What members searched for in vain: words for which the district has no shop, told of ten members and more."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from district.audiences import timeline
from district.audiences.schemas import Unfound
from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.web.operator_shell import waiting
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
Days = Annotated[int, Query(ge=1, le=180)]
PERIODS = (7, 30, 90, 180)


def _found(session: Session, operator: Staff, clock: Clock, days: int) -> list[Unfound]:
    since = clock.now() - timedelta(days=days)
    return [Unfound(**row) for row in timeline.unfound(session, operator.district.id, since=since)]


@router.get("/operator/searches")
def page(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, days: Days = 30
) -> HTMLResponse:
    """The most wanted first."""
    return render(
        request,
        "operator/searches.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        rows=_found(session, operator, clock, days),
        days=days,
        periods=PERIODS,
        least=timeline.K,
    )


@router.get("/operator/searches.csv")
def as_file(operator: Operator, session: DbSession, clock: ClockDep, days: Days = 30) -> Response:
    """The same rows."""
    rows = _found(session, operator, clock, days)
    lines = [[one.words, one.members, one.searches, one.last_at.isoformat()] for one in rows]
    return csv_answer([["words", "members", "searches", "last_at"], *lines], f"searches-{days}-days.csv")
