"""Operators' interface to importing access points."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from district import bodies
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.zones import imports
from district.zones.import_rows import MAX_FILE_BYTES
from geo.datum import Datum

router = APIRouter(prefix="/v1/districts/{d}", tags=["zones"])
LONGEST_PAUSE = timedelta(seconds=10)


class IssueAnswer(BaseModel):
    """A row that was left out, and why, in both languages."""

    row: int
    """A feature's index from 0, or the line in a CSV file."""
    code: str
    detail: str
    detail_zh: str


class ImportAnswer(BaseModel):
    """What an import did, or would do."""

    dry_run: bool
    rows: int
    added: int
    updated: int
    unchanged: int
    errors: int
    issues: list[IssueAnswer]
    """The first 200."""


async def _content(request: Request, operator: Operator) -> bytes:
    return await bodies.read(request, limit_bytes=MAX_FILE_BYTES, pause=LONGEST_PAUSE)


@router.post("/access-points/import")
def import_access_points(
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    content: Annotated[bytes, Depends(_content)],
    dry_run: Annotated[bool, Query()] = False,
    crs: Annotated[Datum | None, Query()] = None,
) -> ImportAnswer:
    """Make and change access points from a CSV or GeoJSON file, found again by MAC; bad rows are left out and said."""
    report = imports.import_content(session, district, content, clock=clock, is_dry_run=dry_run, datum=crs)
    return ImportAnswer(
        dry_run=dry_run,
        rows=report.rows,
        added=report.added,
        updated=report.updated,
        unchanged=report.unchanged,
        errors=report.errors,
        issues=[
            IssueAnswer(
                row=issue.row,
                code=issue.fault.value,
                detail=issue.words(),
                detail_zh=issue.words(is_chinese=True),
            )
            for issue in report.issues
        ],
    )
