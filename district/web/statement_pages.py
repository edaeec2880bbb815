"""Statements for people: a merchant's own, with its till's file beside them; the operator's of every party."""

import uuid
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from district import bodies
from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.merchants.models import Merchant
from district.problems import Invalid, NotFound
from district.settlement import reconciling, service
from district.settlement.models import Party, Statement
from district.settlement.schemas import ReconciliationOut
from district.stores.models import Property
from district.web.explained import explained
from district.web.language import Language, negotiate
from district.web.merchant_pages import MerchantStaff, not_found, show
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PropertyStaff = Annotated[Staff, Depends(staff(Role.PROPERTY))]
LISTED = 62
MOST_PARTIES = 500
MOST_LINES = 200
DAYS_SHOWN = 14
FORM_BYTES = 64 << 10


@router.get("/merchant/statements")
def own_statements(request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep) -> Response:
    """The open day and the closed ones, the newest first."""
    return _statements(request, here, session, clock)


def _statements(request: Request, here: Staff, session: Session, clock: Clock) -> Response:
    newest = service.seen_by(here.principal, here.district).order_by(Statement.id.desc()).limit(LISTED)
    return show(
        request,
        here,
        clock,
        "merchant/statements.html",
        **_console(here),
        open=service.open_figures(session, here.principal, here.district, now=clock.now()),
        statements=session.scalars(newest).all(),
    )


@router.get("/merchant/statements/{statement_id}")
def own_statement(
    request: Request, statement_id: uuid.UUID, here: MerchantStaff, session: DbSession, clock: ClockDep
) -> Response:
    """One closed day with its lines."""
    return _statement(request, statement_id, here, session, clock)


@router.get("/merchant/statements/{statement_id}/lines.csv")
def own_lines(statement_id: uuid.UUID, here: MerchantStaff, session: DbSession) -> Response:
    """Every line of it."""
    return _csv(session, service.found(session, here.principal, here.district, statement_id))


async def _file(request: Request, here: MerchantStaff) -> tuple[bytes, bool]:
    """The file, one byte more than is allowed at most; and whether anything is to be kept."""
    bodies.allow(request, limit_bytes=reconciling.MAX_FILE_BYTES + FORM_BYTES)
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        content = await file.read(reconciling.MAX_FILE_BYTES + 1) if isinstance(file, UploadFile) else b""
        return content, form.get("keep") != "yes"


@router.post("/merchant/statements/{statement_id}", dependencies=[Depends(require_own_form)])
def compare(
    request: Request,
    statement_id: uuid.UUID,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    upload: Annotated[tuple[bytes, bool], Depends(_file)],
) -> Response:
    """Put a till's file beside it."""
    content, is_dry_run = upload
    try:
        row = service.found(session, here.principal, here.district, statement_id)
        if len(content) > reconciling.MAX_FILE_BYTES:
            raise Invalid("The file is too large.", detail_zh="文件过大。")
        result = reconciling.reconcile(
            session,
            row,
            content,
            made_by=here.principal.name,
            now=clock.now(),
            is_dry_run=is_dry_run,
        )
    except NotFound:
        return not_found(request, here, clock)
    except Invalid as error:
        return _statement(
            request, statement_id, here, session, clock, error=explained(error, negotiate(request))
        )
    return _statement(request, statement_id, here, session, clock, result=result)


def _statement(
    request: Request,
    statement_id: uuid.UUID,
    here: Staff,
    session: Session,
    clock: Clock,
    *,
    result: ReconciliationOut | None = None,
    error: str = "",
) -> HTMLResponse:
    try:
        row = service.found(session, here.principal, here.district, statement_id)
    except NotFound:
        if here.principal.role is Role.PROPERTY:
            raise
        return not_found(request, here, clock)
    return show(
        request,
        here,
        clock,
        "merchant/statement.html",
        **_console(here),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        statement=row,
        lines=service.lines(session, row, limit=MOST_LINES),
        most_lines=MOST_LINES,
        result=result,
        error=error,
    )


def _console(here: Staff) -> dict[str, Any]:
    """The layout and the addresses of whoever looks."""
    is_property = here.principal.role is Role.PROPERTY
    side = "property" if is_property else "merchant"
    return {"layout": f"layouts/{side}.html", "base": f"/{side}/statements"}


@router.get("/property/statements")
def propertys_statements(
    request: Request, here: PropertyStaff, session: DbSession, clock: ClockDep
) -> Response:
    """What the property bears of joint events and of its own campaigns, day by day."""
    return _statements(request, here, session, clock)


@router.get("/property/statements/{statement_id}")
def propertys_statement(
    request: Request, statement_id: uuid.UUID, here: PropertyStaff, session: DbSession, clock: ClockDep
) -> Response:
    """One closed day of the property with its lines."""
    return _statement(request, statement_id, here, session, clock)


@router.get("/property/statements/{statement_id}/lines.csv")
def propertys_lines(statement_id: uuid.UUID, here: PropertyStaff, session: DbSession) -> Response:
    """Every line of it."""
    return _csv(session, service.found(session, here.principal, here.district, statement_id))


def _csv(session: Session, row: Statement) -> Response:
    name = f"statement-{row.trading_day.isoformat()}-{row.party}.csv"
    return Response(
        service.as_csv(session, row),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.get("/operator/statements")
def all_statements(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, day: date | None = None
) -> Response:
    """One day of every party: a closed one, or what is open, and whether the sums agree."""
    district = operator.district
    today = district.trading_day(clock.now())
    shown = day or today
    closed = session.scalars(
        select(Statement)
        .where(Statement.district_id == district.id, Statement.trading_day == shown)
        .order_by(Statement.party, Statement.net_minor.desc(), Statement.id)
        .limit(MOST_PARTIES)
    ).all()
    figures = None
    if not closed and shown == today:
        figures = service.open_figures(session, operator.principal, district, now=clock.now())
    rows = list(closed) if figures is None else figures.items[:MOST_PARTIES]
    ids = {row.party_id for row in rows}
    return render(
        request,
        "operator/statements.html",
        shell=operator.shell(request, badges=waiting(session, district.id)),
        now=clock.now(),
        day=shown,
        days=[today - timedelta(days=number) for number in range(DAYS_SHOWN)],
        is_open=figures is not None,
        rows=rows,
        names=_names(session, district.id, ids, negotiate(request)),
        totals=service.totals(session, district, shown, shown + timedelta(days=1)),
    )


@router.get("/operator/statements/{statement_id}/lines.csv")
def any_lines(statement_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """Every line of one party's day."""
    return _csv(session, service.found(session, operator.principal, operator.district, statement_id))


def _names(
    session: Session, district_id: uuid.UUID, ids: set[uuid.UUID], language: Language
) -> dict[tuple[str, uuid.UUID], str]:
    """What parties are called, in the page's language."""
    found: dict[tuple[str, uuid.UUID], str] = {}
    tables: tuple[tuple[Party, type[Merchant] | type[Property]], ...] = (
        (Party.MERCHANT, Merchant),
        (Party.PROPERTY, Property),
    )
    for party, table in tables:
        named = select(table.id, table.name, table.name_zh).where(
            table.district_id == district_id, table.id.in_(ids)
        )
        for row_id, name, name_zh in session.execute(named):
            found[party.value, row_id] = (name_zh if language is Language.ZH else "") or name
    return found
