"""Who receives data of members: the operator's list, in both languages, each version kept."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.members import recipients
from district.members.recipient_routes import NewRecipients
from district.members.terms import Recipient
from district.problems import Conflict, Invalid
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/wifi/recipients"
FIELDS = tuple(f"{part}_{language}" for part in ("name", "data", "why") for language in ("en", "zh"))
MOST_ROWS = 20
EMPTY_ROWS = 2
Row = dict[str, str]


@router.get(PAGE)
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """The list in force, to be changed."""
    standing = recipients.current(session, operator.district.id)
    return _page(request, operator, session, clock, rows=_rows_of(standing.recipients))


@router.post(PAGE, dependencies=[Depends(require_own_form)])
def save(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Write a new version. A recipient whose fields are all empty is left out."""
    rows = _rows_sent(sent)
    try:
        wanted = NewRecipients.model_validate(
            {"after": sent.one("after") or 0, "recipients": [_document(row) for row in rows]}
        )
        recipients.replace(
            session,
            operator.district,
            [one.value() for one in wanted.recipients],
            after=wanted.after,
            by=operator.name,
            clock=clock,
        )
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, rows=rows, wrong=wrong)
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def _rows_of(found: Sequence[Recipient]) -> list[Row]:
    return [
        {
            f"{part}_{language}": getattr(one, part)[language]
            for part in ("name", "data", "why")
            for language in ("en", "zh")
        }
        for one in found
    ]


def _rows_sent(sent: Sent) -> list[Row]:
    rows = [{name: sent.one(f"{name}_{number}") for name in FIELDS} for number in range(MOST_ROWS)]
    return [row for row in rows if any(row.values())]


def _document(row: Row) -> dict[str, dict[str, str]]:
    return {
        part: {language: row[f"{part}_{language}"] for language in ("en", "zh")}
        for part in ("name", "data", "why")
    }


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    rows: list[Row],
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    blank: Row = dict.fromkeys(FIELDS, "")
    room = max(0, min(EMPTY_ROWS, MOST_ROWS - len(rows)))
    return render(
        request,
        "operator/recipients.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        standing=recipients.current(session, operator.district.id),
        rows=[*rows, *(dict(blank) for _ in range(room))],
        wrong=wrong,
    )
