"""Access codes on paper: a sheet to print and cut up, and the page that each ticket's QR code opens."""

import uuid
from dataclasses import dataclass
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup

from district.auth.models import Role
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import RegistryDep
from district.problems import NotFound
from district.vouchers import codes, service
from district.web.shells import shell_of
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
A_SHEET = 24
"""Tickets on one side of A4, in three columns."""
MOST_AT_ONCE = 20 * A_SHEET


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One printed code."""

    code: str
    qr: Markup


@router.get("/operator/access-codes/{batch_id}/sheet")
def sheet(
    batch_id: uuid.UUID,
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    start: Annotated[int, Query(alias="from", ge=0, le=100_000)] = 0,
) -> Response:
    """Tickets of a batch for A4, in both languages; large batches in several pages."""
    batch = service.get(session, operator.district.id, batch_id)
    rows = service.vouchers_of(session, operator.district.id, batch_id)
    origin = _origin(request)
    tickets = [
        _ticket(f"{origin}/v/{operator.district.slug}/{row.code}", row.code)
        for row in rows[start : start + MOST_AT_ONCE]
    ]
    return render(
        request,
        "operator/voucher_sheet.html",
        shell=operator.shell(request),
        now=clock.now(),
        batch=batch,
        district=operator.district,
        sheets=[tickets[at : at + A_SHEET] for at in range(0, len(tickets), A_SHEET)],
        start=start,
        end=min(start + MOST_AT_ONCE, len(rows)),
        total=len(rows),
    )


def _origin(request: Request) -> str:
    return (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")


def _ticket(url: str, code: str) -> Ticket:
    qr = segno.make_qr(url, error="m").svg_inline(border=2, omitsize=True, dark="#000", light="#fff")
    # Our own SVG of our own address.
    return Ticket(code=codes.grouped(code), qr=Markup(qr))  # noqa: S704


@router.get("/v/{slug}/{code}")
def ticket(slug: str, code: str, request: Request, registry: RegistryDep, clock: ClockDep) -> Response:
    """The code large, and what to do with it; it says nothing of whether the code works."""
    district = registry.find(slug)
    read = codes.read(code)
    if not read:
        raise NotFound("No such access code.")
    return render(
        request,
        "portal/voucher.html",
        shell=shell_of(request, district),
        now=clock.now(),
        code=codes.grouped(read),
    )
