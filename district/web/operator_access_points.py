"""Importing access points on a page: tried first, then kept, with what is wrong row by row."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from district import bodies
from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import Invalid
from district.web.explained import explained
from district.web.language import negotiate
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from district.zones import imports
from district.zones.import_rows import COLUMNS, MAX_FILE_BYTES, MAX_ROWS
from district.zones.imports import ImportReport

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
FRAME_BYTES = 64 * 1024
"""What a form adds around its file."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file, and whether it is only to be tried."""

    content: bytes
    is_dry_run: bool


async def _upload(request: Request, operator: Operator) -> Upload:
    bodies.allow(request, limit_bytes=MAX_FILE_BYTES + FRAME_BYTES)
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        content = await file.read(MAX_FILE_BYTES + 1) if isinstance(file, UploadFile) else b""
        return Upload(content=content, is_dry_run=form.get("keep") != "yes")


@router.get("/operator/access-points/import")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """The form, and what a file must look like."""
    return _page(request, operator, session, clock)


@router.post("/operator/access-points/import", dependencies=[Depends(require_own_form)])
def import_file(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    upload: Annotated[Upload, Depends(_upload)],
) -> HTMLResponse:
    """Try a file, or keep what is good in it."""
    try:
        report = imports.import_content(
            session, operator.district, upload.content, clock=clock, is_dry_run=upload.is_dry_run
        )
    except Invalid as error:
        return _page(request, operator, session, clock, error=explained(error, negotiate(request)))
    return _page(request, operator, session, clock, report=report, is_dry_run=upload.is_dry_run)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    report: ImportReport | None = None,
    is_dry_run: bool = False,
    error: str = "",
) -> HTMLResponse:
    return render(
        request,
        "operator/access_point_import.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        report=report,
        is_dry_run=is_dry_run,
        error=error,
        columns=",".join(COLUMNS),
        most_rows=MAX_ROWS,
        most_mebibytes=MAX_FILE_BYTES >> 20,
        datum=operator.district.datum.value,
    )
