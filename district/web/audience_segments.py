"""The segments of a merchant or a property: made from plain terms, with how many people they have and what uses them."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from district.audiences import segments
from district.audiences.models import ContactList, Segment, Tag
from district.audiences.schemas import NewSegment, SegmentChange
from district.clock import ClockDep
from district.database import session_scope
from district.footfall.routes import csv_answer
from district.problems import Conflict, DistrictError, Invalid, NotFound, Unavailable
from district.stores.public import stores_of
from district.web import audience_form, audience_sizes, categories
from district.web.audience_desk import AtConsole, AtDesk, SetsDesk, in_both_consoles, shown
from district.web.audience_shared import kept_apart, removed_of
from district.web.audience_words import in_words, of_property
from district.web.explained import explained
from district.web.fragments import is_fragment
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.preview_words import people
from district.web.security import require_own_form
from push.audience import Audience
from push.audience_document import parse_who
from push.audience_terms import LabelKind
from push.problems import Report

pages = APIRouter()
OWN_FORM = [Depends(require_own_form)]
TRADES = 60


def _audience(at: SetsDesk, row: Segment) -> Audience:
    """What it says, in whose words it stands for what."""
    found = parse_who(row.rule, Report())
    return of_property(found) if at.owner.property_id is not None else found


@pages.get("")
def page(at: AtDesk, said: str = "", kind: str = "", row: str = "") -> Response:
    """The segments, and how many people follow the owner's stores."""
    rows = at.own(Segment)
    return at.show(
        "audience/segments.html",
        rows=rows,
        audiences={row.id: _audience(at, row) for row in rows},
        used=at.used(LabelKind.SEGMENT, rows),
        in_words=in_words,
        followers=people(audience_sizes.followers(at.session, at.district, at.owner)),
        said=said[:10],
        removed=removed_of(kind, row),
    )


@pages.get("/segments.csv")
def as_file(at: AtDesk) -> Response:
    """The segments as they are written."""
    head = ("name", "title", "kind", "version", "changed_at", "frozen_at", "rule")
    lines: list[Any] = [head]
    for row in at.own(Segment):
        frozen = row.frozen_at.isoformat() if row.frozen_at else ""
        lines.append(
            (row.name, row.title, row.kind, row.version, row.changed_at.isoformat(), frozen, str(row.rule))
        )
    return csv_answer(lines, "segments.csv")


@pages.get("/segments/new")
def new(at: AtDesk) -> Response:
    """An empty form."""
    return _form(at, audience_form.empty())


@pages.post("/segments/new", dependencies=OWN_FORM)
def create(at: AtDesk, sent: SentForm) -> Response:
    """Make it, or the form again with what is wrong."""
    try:
        wanted = NewSegment.model_validate(
            {
                "name": kept_apart(sent.one("title"), at.names(Segment)),
                "title": sent.one("title"),
                "kind": sent.one("kind"),
                "rule": audience_form.rule_of(sent),
            }
        )
        with at.session.begin_nested():
            row = segments.create(at.session, at.district, at.principal, wanted, clock=at.clock)
    except (ValidationError, Invalid, Conflict) as error:
        return _form(at, sent, wrong=at.wrong(error))
    return at.to(f"/segments/{row.name}?said=saved")


@pages.post("/segments/count", dependencies=OWN_FORM)
def count(
    request: Request,
    at: AtConsole,
    clock: ClockDep,
    sent: SentForm,
    segment: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """How many people the form's terms have: the number alone for HTMX, else in the form as it was filled."""
    found, refused = None, ""
    try:
        with session_scope(request.app.state.sessions) as session:
            rule = audience_form.rule_of(sent)
            found = audience_sizes.size(session, at.here.district, at.here.principal, rule, clock=clock)
    except DistrictError as error:
        refused = _first(error, request)
    number = None if found is None else people(found)
    if is_fragment(request):
        return shown(request, at, clock, "audience/count.html", count=number, refused=refused)
    with session_scope(request.app.state.sessions) as session:
        here = SetsDesk(request=request, console=at, session=session, clock=clock)
        try:
            row = here.find(Segment, segment) if segment else None
        except NotFound:
            row = None
        return _form(here, sent, row=row, count=number, refused=refused, version=sent.one("version"))


@pages.get("/segments/count")
def counted_elsewhere(at: AtDesk, segment: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Who comes back to the address of the button, to read it in the other language, comes to the form."""
    return at.to(f"/segments/{quote(segment, safe='') or 'new'}")


def _first(error: DistrictError, request: Request) -> str:
    language = negotiate(request)
    wrong = wrong_of(error, language)
    return next(iter(wrong.places.values()), "") or explained(error, language)


@pages.get("/segments/{name}")
def one(at: AtDesk, name: str, said: str = "") -> Response:
    """One segment as a form, or in words where it says more than the form can."""
    try:
        row = at.find(Segment, name)
    except NotFound:
        return at.not_found()
    sent = audience_form.filled(row.rule)
    if sent is not None:
        more = {"title": (row.title,), "kind": (row.kind,), "version": (str(row.version),)}
        sent = Sent(values={**sent.values, **more})
    return _form(at, sent, row=row, said=said[:10])


@pages.post("/segments/{name}", dependencies=OWN_FORM)
def change(at: AtDesk, name: str, sent: SentForm) -> Response:
    """Another title or rule."""
    try:
        row = at.find(Segment, name)
    except NotFound:
        return at.not_found()
    values: dict[str, Any] = {"version": sent.one("version"), "title": sent.one("title")}
    if sent.one("joint"):
        values["rule"] = audience_form.rule_of(sent)
    try:
        wanted = SegmentChange.model_validate(values)
        with at.session.begin_nested():
            segments.change(at.session, at.district, at.principal, name, wanted, clock=at.clock)
    except (ValidationError, Invalid, Conflict) as error:
        return _form(at, sent, row=row, wrong=at.wrong(error))
    return at.to(f"/segments/{name}?said=saved")


@pages.post("/segments/{name}/freeze", dependencies=OWN_FORM)
def freeze(at: AtDesk, name: str) -> Response:
    """Look for a static segment's members anew."""
    try:
        segments.freeze(at.session, at.district, at.principal, name, clock=at.clock)
    except NotFound:
        return at.not_found()
    return at.to(f"/segments/{name}?said=frozen")


def _form(
    at: SetsDesk,
    sent: Sent | None,
    *,
    row: Segment | None = None,
    wrong: Wrong = RIGHT,
    said: str = "",
    count: str | None = None,
    refused: str = "",
    version: str = "",
) -> Response:
    name = row.name if row is not None else ""
    return at.show(
        "audience/segment.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        filled=sent,
        row=row,
        audience=_audience(at, row) if row is not None else None,
        in_words=in_words,
        used=at.uses(LabelKind.SEGMENT, name) if name else [],
        trades=_trades(at),
        tags=_named(at, Tag),
        lists=_named(at, ContactList),
        segments=[one for one in _named(at, Segment) if one[0] != name],
        wrong=wrong,
        said=said,
        count=count,
        refused=refused,
        version=version,
    )


def _named(at: SetsDesk, table: type[Tag] | type[ContactList] | type[Segment]) -> list[tuple[str, str]]:
    return sorted(((row.name, row.title) for row in at.own(table)), key=lambda one: one[1].casefold())


def _trades(at: SetsDesk) -> list[tuple[str, str]]:
    """The district's commonest kinds of shops, by what they are called."""
    try:
        book = stores_of(at.request, at.district.slug)
    except Unavailable:
        return []
    language = negotiate(at.request)
    found = categories.commonest((store.category for store in book.stores), TRADES)
    return sorted(((one, categories.title(one, language)) for one in found), key=lambda one: one[1])


router = in_both_consoles(pages)
