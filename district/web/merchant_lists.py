"""A merchant's uploaded lists: a file of numbers and addresses becomes hashes, row by row, and the file is forgotten."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from district import bodies
from district.audiences import lists, ownership
from district.audiences.models import ContactList
from district.audiences.schemas import NewSet, UploadOut
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.problems import Conflict, Invalid, NotFound
from district.web.audience_shared import PAGE, kept_apart, names_taken, own_sets, removed_of
from district.web.explained import explained
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, not_found, show
from district.web.operator_forms import RIGHT, SentForm, Wrong, wrong_of
from district.web.security import require_own_form
from district.web.staff import Staff
from push.audience_terms import LabelKind

router = APIRouter()
OWN_FORM = [Depends(require_own_form)]
LISTS = f"{PAGE}/lists"
FORM_BYTES = 64 << 10


async def _file(request: Request, here: MerchantStaff) -> bytes:
    """The file, one byte more than is allowed at most."""
    bodies.allow(request, limit_bytes=lists.MAX_FILE_BYTES + FORM_BYTES)
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        return await file.read(lists.MAX_FILE_BYTES + 1) if isinstance(file, UploadFile) else b""


@router.get(LISTS)
def page(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    said: str = "",
    kind: str = "",
    row: str = "",
) -> Response:
    """The lists, and the form of a new one."""
    return _page(request, here, session, clock, said=said[:10], removed=removed_of(kind, row))


@router.get(f"{PAGE}/lists.csv")
def as_file(here: MerchantStaff, session: DbSession) -> Response:
    """Which lists there are; never what is in them."""
    lines: list[tuple[object, ...]] = [("name", "title", "entries", "created_at", "uploaded_at")]
    for row in own_sets(session, here, ContactList):
        uploaded = row.uploaded_at.isoformat() if row.uploaded_at else ""
        lines.append((row.name, row.title, row.entries, row.created_at.isoformat(), uploaded))
    return csv_answer(lines, "lists.csv")


@router.post(LISTS, dependencies=OWN_FORM)
def create(
    request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make a list, empty."""
    title = sent.one("title")
    taken = names_taken(session, ContactList, here)
    try:
        wanted = NewSet.model_validate({"name": kept_apart(title, taken), "title": title})
        lists.create(session, here.district, here.principal, wanted, clock=clock)
    except (ValidationError, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, here, session, clock, wrong=wrong, title=title)
    return RedirectResponse(f"{LISTS}?said=made", HTTPStatus.SEE_OTHER)


@router.post(f"{LISTS}/{{name}}", dependencies=OWN_FORM)
def upload(
    name: str,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    content: Annotated[bytes, Depends(_file)],
) -> Response:
    """Replace what a list holds by a file, and say what came of each row."""
    try:
        if len(content) > lists.MAX_FILE_BYTES:
            raise Invalid("The file is larger than 5 MiB: split it.", detail_zh="文件超过 5 MiB，请拆分。")
        report = lists.upload(session, here.district, here.principal, name, content, clock=clock)
    except NotFound:
        return not_found(request, here, clock)
    except Invalid as error:
        language = negotiate(request)
        return _page(request, here, session, clock, about=name, error=explained(error, language))
    return _page(request, here, session, clock, about=name, report=report)


def _page(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    *,
    about: str = "",
    report: UploadOut | None = None,
    error: str = "",
    title: str = "",
    wrong: Wrong = RIGHT,
    **values: object,
) -> Response:
    rows, owner = own_sets(session, here, ContactList), ownership.owner_of(here.principal)
    return show(
        request,
        here,
        clock,
        "merchant/audience_lists.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong or error else HTTPStatus.OK,
        rows=rows,
        used={
            row.id: ownership.uses(session, here.district.id, owner, LabelKind.LIST, row.name) for row in rows
        },
        about=next((row for row in rows if row.name == about), None),
        report=report,
        error=error,
        title=title,
        wrong=wrong,
        most_rows=lists.MAX_ROWS,
        **{"said": "", "removed": None, **values},
    )
