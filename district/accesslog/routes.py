"""Operators' interface to the access log: closed to everybody else, and each reading is written down."""

import io
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from district import bodies
from district.accesslog import reading, translations
from district.accesslog.reading import ExportForm
from district.accesslog.schemas import Answer, ImportAnswer, Instant, LogState, Question
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep, DistrictInfo
from district.problems import Invalid

router = APIRouter(prefix="/v1/districts/{d}/access-log", tags=["access log"])

MOST_LINES = 10_000
MOST_BYTES = 1 << 20


async def csv_body(request: Request) -> str:
    """The body as text. Raises: Invalid when it is none, TooLarge."""
    data = await bodies.read(request, limit_bytes=MOST_BYTES, pause=request.app.state.settings.body_timeout)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The body must be CSV in UTF-8.") from None


@router.get("")
def state(principal: Operator, district: DistrictDep, session: DbSession, request: Request) -> LogState:
    """Where the log stands: its last number and hash, and how long it is kept."""
    return reading.state(session, district.id, request.app.state.settings)


@router.post("/searches")
def search(
    question: Question, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> Answer:
    """Who had an address and port at an instant, or which sessions a device or a person had; the question is logged."""
    return reading.search(session, district.id, question, who=principal.name, clock=clock)


@router.get("/export", response_class=StreamingResponse)
def export(
    principal: Operator,
    district: DistrictDep,
    request: Request,
    clock: ClockDep,
    since: Annotated[Instant, Query()],
    until: Annotated[Instant, Query()],
    form: Annotated[ExportForm, Query(alias="format")] = ExportForm.CSV,
) -> StreamingResponse:
    """The records of a time as CSV or JSON lines; that they were taken is logged."""
    return export_answer(request, district, form, since=since, until=until, who=principal.name, clock=clock)


def export_answer(
    request: Request,
    district: DistrictInfo,
    form: ExportForm,
    *,
    since: datetime,
    until: datetime,
    who: str,
    clock: ClockDep,
) -> StreamingResponse:
    """The file, after the note that it was taken is committed. Raises: Invalid for a time that ends before it starts."""
    if since >= until:
        raise Invalid("until must be after since.", detail_zh="结束时间必须晚于开始时间。")
    sessions = request.app.state.sessions
    asked = {"since": since.isoformat(), "until": until.isoformat(), "format": form.value}
    with sessions.begin() as session:
        reading.note(session, district.id, who=who, what="export", asked=asked, clock=clock)

    def lines() -> Iterator[str]:
        with sessions() as session:
            yield from reading.export(session, district.id, form, since=since, until=until)

    kind = "text/csv; charset=utf-8" if form is ExportForm.CSV else "application/jsonl; charset=utf-8"
    name = f"access-log-{district.slug}-{since:%Y%m%d}-{until:%Y%m%d}.{form.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type=kind, headers=headers)


@router.post("/translations", status_code=HTTPStatus.OK)
def load_translations(
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    body: Annotated[str, Depends(csv_body)],
) -> ImportAnswer:
    """Import up to 10,000 lines of a router's NAT log (CSV); a line that is known changes nothing."""
    return translations.load(
        session, district.id, io.StringIO(body), who=principal.name, clock=clock, most=MOST_LINES
    )
