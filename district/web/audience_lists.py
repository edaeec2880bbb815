"""The uploaded lists of a merchant or a property: a file of numbers and addresses becomes hashes, and is forgotten."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from district import bodies
from district.audiences import lists
from district.audiences.models import ContactList
from district.audiences.schemas import NewSet, UploadOut
from district.footfall.routes import csv_answer
from district.problems import Conflict, Invalid, NotFound
from district.web.audience_desk import AtConsole, AtDesk, SetsDesk, in_both_consoles
from district.web.audience_shared import kept_apart, removed_of
from district.web.operator_forms import RIGHT, SentForm, Wrong
from district.web.security import require_own_form
from push.audience_terms import LabelKind

pages = APIRouter()
OWN_FORM = [Depends(require_own_form)]
FORM_BYTES = 64 << 10


async def _file(request: Request, _at: AtConsole) -> bytes:
    """The file, one byte more than is allowed at most."""
    bodies.allow(request, limit_bytes=lists.MAX_FILE_BYTES + FORM_BYTES)
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        return await file.read(lists.MAX_FILE_BYTES + 1) if isinstance(file, UploadFile) else b""


@pages.get("/lists")
def page(at: AtDesk, said: str = "", kind: str = "", row: str = "") -> Response:
    """The lists, and the form of a new one."""
    return _page(at, said=said[:10], removed=removed_of(kind, row))


@pages.get("/lists.csv")
def as_file(at: AtDesk) -> Response:
    """Which lists there are; never what is in them."""
    lines: list[tuple[object, ...]] = [("name", "title", "entries", "created_at", "uploaded_at")]
    for row in at.own(ContactList):
        uploaded = row.uploaded_at.isoformat() if row.uploaded_at else ""
        lines.append((row.name, row.title, row.entries, row.created_at.isoformat(), uploaded))
    return csv_answer(lines, "lists.csv")


@pages.post("/lists", dependencies=OWN_FORM)
def create(at: AtDesk, sent: SentForm) -> Response:
    """Make a list, empty."""
    title = sent.one("title")
    try:
        wanted = NewSet.model_validate({"name": kept_apart(title, at.names(ContactList)), "title": title})
        lists.create(at.session, at.district, at.principal, wanted, clock=at.clock)
    except (ValidationError, Conflict) as error:
        return _page(at, wrong=at.wrong(error), title=title)
    return at.to("/lists?said=made")


@pages.post("/lists/{name}", dependencies=OWN_FORM)
def upload(at: AtDesk, name: str, content: Annotated[bytes, Depends(_file)]) -> Response:
    """Replace what a list holds by a file, and say what came of each row."""
    try:
        if len(content) > lists.MAX_FILE_BYTES:
            raise Invalid("The file is larger than 5 MiB: split it.", detail_zh="文件超过 5 MiB，请拆分。")
        report = lists.upload(at.session, at.district, at.principal, name, content, clock=at.clock)
    except NotFound:
        return at.not_found()
    except Invalid as error:
        return _page(at, about=name, error=at.words(error))
    return _page(at, about=name, report=report)


def _page(
    at: SetsDesk,
    *,
    about: str = "",
    report: UploadOut | None = None,
    error: str = "",
    title: str = "",
    wrong: Wrong = RIGHT,
    **values: object,
) -> Response:
    rows = at.own(ContactList)
    return at.show(
        "audience/lists.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong or error else HTTPStatus.OK,
        rows=rows,
        used=at.used(LabelKind.LIST, rows),
        about=next((row for row in rows if row.name == about), None),
        report=report,
        error=error,
        title=title,
        wrong=wrong,
        most_rows=lists.MAX_ROWS,
        **{"said": "", "removed": None, **values},
    )


router = in_both_consoles(pages)
