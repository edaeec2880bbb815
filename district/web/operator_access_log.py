"""The access log for operators: one question at a time, a file of a time, and where the chain stands."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.accesslog import reading
from district.accesslog.reading import ExportForm
from district.accesslog.routes import export_answer
from district.accesslog.schemas import Answer, Question
from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import Invalid
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST = 60
FIRST_YEAR, LAST_YEAR = 2000, 2199


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The form as it was filled in; times are the district's own."""

    address: str = ""
    port: str = ""
    at: str = ""
    mac: str = ""
    identity: str = ""
    day: str = ""


def asked(
    address: Annotated[str, Form(max_length=MOST)] = "",
    port: Annotated[str, Form(max_length=5)] = "",
    at: Annotated[str, Form(max_length=30)] = "",
    mac: Annotated[str, Form(max_length=32)] = "",
    identity: Annotated[str, Form(max_length=254)] = "",
    day: Annotated[str, Form(max_length=10)] = "",
) -> Asked:
    """The form, without blanks around."""
    return Asked(
        address=address.strip(),
        port=port.strip(),
        at=at.strip(),
        mac=mac.strip(),
        identity=identity.strip(),
        day=day.strip(),
    )


@router.get("/operator/access-log")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """Where the log stands, and the form."""
    return _page(request, operator, session, clock, Asked())


@router.post("/operator/access-log", dependencies=[Depends(require_own_form)])
def search(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    filled: Annotated[Asked, Depends(asked)],
) -> HTMLResponse:
    """Who it was; the question is written into the log. A POST, so that no address is in anybody's history."""
    try:
        question = _question(operator, filled)
    except (ValidationError, ValueError):
        return _page(request, operator, session, clock, filled, is_wrong=True)
    answer = reading.search(session, operator.district.id, question, who=operator.principal.name, clock=clock)
    return _page(request, operator, session, clock, filled, answer=answer)


def _question(operator: Staff, filled: Asked) -> Question:
    """Raises: ValidationError, ValueError for what makes no sense."""
    if filled.address:
        return Question.model_validate(
            {
                "address": filled.address,
                "port": int(filled.port) if filled.port else None,
                "at": datetime.fromisoformat(filled.at).replace(tzinfo=operator.district.zone),
            }
        )
    since, until = _day(operator, filled.day)
    return Question.model_validate(
        {"mac": filled.mac or None, "identity": filled.identity or None, "since": since, "until": until}
    )


def _day(operator: Staff, text: str) -> tuple[datetime, datetime]:
    """The calendar day as the district counts it. Raises: ValueError."""
    day = date.fromisoformat(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(text)
    zone = operator.district.zone
    return (
        datetime.combine(day, time(), tzinfo=zone),
        datetime.combine(day + timedelta(days=1), time(), tzinfo=zone),
    )


@router.post("/operator/access-log/export", dependencies=[Depends(require_own_form)])
def export(
    request: Request,
    operator: Operator,
    clock: ClockDep,
    first: Annotated[str, Form(max_length=10)],
    last: Annotated[str, Form(max_length=10)],
    form: Annotated[ExportForm, Form(alias="format")] = ExportForm.CSV,
) -> Response:
    """The records of some days as a file; that it was taken is written into the log. Raises: Invalid."""
    try:
        since, until = _day(operator, first)[0], _day(operator, last)[1]
    except ValueError:
        raise Invalid("Give two days.", detail_zh="请填写起止日期。") from None
    return export_answer(
        request,
        operator.district,
        form,
        since=since,
        until=until,
        who=operator.principal.name,
        clock=clock,
    )


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    filled: Asked,
    *,
    answer: Answer | None = None,
    is_wrong: bool = False,
) -> HTMLResponse:
    today = clock.now().astimezone(operator.district.zone)
    return render(
        request,
        "operator/access_log.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK,
        state=reading.state(session, operator.district.id, request.app.state.settings),
        filled=asdict(filled),
        answer=answer,
        is_wrong=is_wrong,
        today=today.date().isoformat(),
        this_minute=today.strftime("%Y-%m-%dT%H:%M"),
    )
