"""Routes of statements and of reconciling them."""

import uuid
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select

from district import bodies
from district.auth.models import Role
from district.auth.principals import Operator, require
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.settlement import reconciling, service
from district.settlement.models import Party, Reconciliation, Statement
from district.settlement.schemas import (
    BudgetOut,
    LineOut,
    OpenOut,
    ReconciliationOut,
    ReconciliationView,
    StatementOut,
    TotalsOut,
)

router = APIRouter(prefix="/v1/districts/{d}/statements", tags=["statements"])
budgets = APIRouter(prefix="/v1/districts/{d}/campaigns", tags=["campaigns"])
LONGEST_PAUSE = timedelta(seconds=10)
Settling = Annotated[Principal, Depends(require(Role.MERCHANT, Role.PROPERTY, Role.OPERATOR))]
MerchantOrOperator = Annotated[Principal, Depends(require(Role.MERCHANT, Role.OPERATOR))]


async def _content(request: Request, caller: MerchantOrOperator) -> bytes:
    return await bodies.read(request, limit_bytes=reconciling.MAX_FILE_BYTES, pause=LONGEST_PAUSE)


@router.get("")
def list_statements(
    district: DistrictDep,
    caller: Settling,
    session: DbSession,
    at: PlaceDep,
    day: Annotated[date | None, Query(description="One trading day")] = None,
    party: Party | None = None,
) -> Page[StatementOut]:
    """Closed days, the oldest first; everybody sees its own, the operator the district's."""
    statement = service.seen_by(caller, district)
    if day is not None:
        statement = statement.where(Statement.trading_day == day)
    if party is not None:
        statement = statement.where(Statement.party == party)
    return paging.read(session, statement, Statement.id, at, StatementOut.model_validate)


@router.get("/open")
def open_figures(district: DistrictDep, caller: Settling, session: DbSession, clock: ClockDep) -> OpenOut:
    """What no statement counts yet, up to now."""
    return service.open_figures(session, caller, district, now=clock.now())


@router.get("/totals")
def totals(
    district: DistrictDep,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    start: Annotated[date | None, Query(alias="from", description="Default: today's trading day")] = None,
    end: Annotated[date | None, Query(alias="to", description="Not included; default: the next day")] = None,
) -> TotalsOut:
    """The district's redemptions beside the sum of its merchants': they agree."""
    first = start or district.trading_day(clock.now())
    return service.totals(session, district, first, end or first + timedelta(days=1))


@router.get("/{statement_id}.csv")
def statement_csv(
    statement_id: uuid.UUID, district: DistrictDep, caller: Settling, session: DbSession
) -> Response:
    """Every line of a statement as CSV."""
    row = service.found(session, caller, district, statement_id)
    name = f"statement-{row.trading_day.isoformat()}-{row.party}.csv"
    return Response(
        service.as_csv(session, row),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.get("/{statement_id}")
def get_statement(
    statement_id: uuid.UUID, district: DistrictDep, caller: Settling, session: DbSession
) -> StatementOut:
    """One statement."""
    return StatementOut.model_validate(service.found(session, caller, district, statement_id))


@router.get("/{statement_id}/lines")
def list_lines(
    statement_id: uuid.UUID, district: DistrictDep, caller: Settling, session: DbSession, at: PlaceDep
) -> Page[LineOut]:
    """What it was made of, in the order of booking."""
    row = service.found(session, caller, district, statement_id)
    page = service.lines(session, row, after=at.after, limit=at.limit + 1)
    following = page[at.limit - 1].id if len(page) > at.limit else None
    return Page(items=page[: at.limit], next=following)


@router.post("/{statement_id}/reconciliations")
def reconcile(
    statement_id: uuid.UUID,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
    clock: ClockDep,
    content: Annotated[bytes, Depends(_content)],
    dry_run: Annotated[bool, Query(description="Keep nothing")] = False,
) -> ReconciliationOut:
    """Compare a till's file (CSV: request_no, amount_minor, till) with a statement, row by row."""
    row = service.found(session, caller, district, statement_id)
    return reconciling.reconcile(
        session, row, content, made_by=caller.name, now=clock.now(), is_dry_run=dry_run
    )


@router.get("/{statement_id}/reconciliations")
def list_reconciliations(
    statement_id: uuid.UUID,
    district: DistrictDep,
    caller: MerchantOrOperator,
    session: DbSession,
    at: PlaceDep,
) -> Page[ReconciliationView]:
    """What came of comparing it, the oldest first."""
    row = service.found(session, caller, district, statement_id)
    kept = select(Reconciliation).where(
        Reconciliation.district_id == district.id, Reconciliation.statement_id == row.id
    )
    return paging.read(session, kept, Reconciliation.id, at, ReconciliationView.model_validate)


@budgets.get("/{campaign_id}/budget")
def get_budget(
    campaign_id: uuid.UUID, district: DistrictDep, caller: MerchantOrOperator, session: DbSession
) -> BudgetOut:
    """What a campaign may cost, what its offers hold, and what was booked."""
    return service.budget(session, caller, district, campaign_id)
