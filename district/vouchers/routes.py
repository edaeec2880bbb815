"""Operators' interface to batches of access codes."""

import csv
import io
import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.vouchers import codes, service
from district.vouchers.schemas import BatchAnswer, BatchPage, NewBatch

router = APIRouter(prefix="/v1/districts/{d}/voucher-batches", tags=["gateways"])


@router.post("", status_code=HTTPStatus.CREATED, response_model=BatchAnswer)
def create(
    new: NewBatch,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make up to 5,000 access codes at once."""
    once = idempotency.Request(principal=principal, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: service.create(session, district, new, clock=clock),
        machine_now=clock.machine_now(),
    )


@router.get("")
def list_(
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BatchPage:
    """Batches of access codes and how far they are used, the oldest first."""
    rows = service.page(session, district.id, after=after, limit=limit + 1)
    return BatchPage(items=rows[:limit], next=rows[limit - 1].id if len(rows) > limit else None)


@router.get("/{batch_id}")
def get(batch_id: uuid.UUID, principal: Operator, district: DistrictDep, session: DbSession) -> BatchAnswer:
    """One batch."""
    return service.get(session, district.id, batch_id)


@router.post("/{batch_id}/revoke")
def revoke(
    batch_id: uuid.UUID, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> BatchAnswer:
    """End every code of a batch; who is on line stays so."""
    return service.revoke(session, district.id, batch_id, clock=clock)


@router.get("/{batch_id}/codes.csv", response_class=Response)
def as_csv(batch_id: uuid.UUID, principal: Operator, district: DistrictDep, session: DbSession) -> Response:
    """The codes of a batch as CSV: `code,used,first_used_at`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("code", "used", "first_used_at"))
    for row in service.vouchers_of(session, district.id, batch_id):
        writer.writerow(
            (
                codes.grouped(row.code),
                row.used,
                row.first_used_at.isoformat() if row.first_used_at else "",
            )
        )
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="access-codes-{batch_id}.csv"',
            "Cache-Control": "no-store",
        },
    )
