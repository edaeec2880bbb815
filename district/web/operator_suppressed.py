"""Numbers and e-mail addresses from which messages come back: a list, its CSV, and a way to try one again."""

import uuid
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from district.auth.models import Role
from district.channels import suppression
from district.clock import ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.web.channel_words import channel_word, why_returned
from district.web.operator_shell import machine_ago, waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE: Final = "/operator/suppressed"
MOST_SHOWN: Final = 50
MOST_ROWS: Final = 50_000
HEAD: Final = ("id", "channel", "address", "state", "reason", "failures", "failed_at", "member_id")
Sought = Annotated[str, Query(max_length=320)]


@router.get(PAGE)
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    address: Sought = "",
    before: Annotated[uuid.UUID | None, Query()] = None,
) -> HTMLResponse:
    """The newest first, or the one that is sought."""
    district_id, sought = operator.district.id, address.strip()
    rows = suppression.listed(session, district_id, address=sought, before=before, limit=MOST_SHOWN + 1)
    return render(
        request,
        "operator/suppressed.html",
        shell=operator.shell(request, badges=waiting(session, district_id)),
        now=clock.now(),
        rows=rows[:MOST_SHOWN],
        next=rows[MOST_SHOWN - 1].id if len(rows) > MOST_SHOWN else None,
        gone=suppression.counted(session, district_id),
        most=suppression.MOST_FAILURES,
        sought=sought,
        channel_word=channel_word,
        why=why_returned,
        ago=machine_ago(clock),
    )


@router.get(PAGE + ".csv")
def as_csv(operator: Operator, session: DbSession) -> Response:
    """All of them as rows."""
    found = suppression.listed(session, operator.district.id, limit=MOST_ROWS)
    rows = [
        (
            str(row.id),
            row.channel,
            row.address,
            row.state,
            row.reason,
            row.failures,
            row.failed_at.isoformat() if row.failed_at else "",
            str(row.member_id),
        )
        for row in found
    ]
    return csv_answer([HEAD, *rows], f"suppressed-{operator.district.slug}.csv")


@router.post(PAGE + "/{address_id}/remove", dependencies=[Depends(require_own_form)])
def remove(address_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """Send there again."""
    suppression.remove(session, operator.district.id, address_id)
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)
