"""A merchant's segments: made from plain terms, with how many people they have and what uses them."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.audiences import ownership, segments
from district.audiences.models import ContactList, Segment, Tag
from district.audiences.schemas import NewSegment, SegmentChange
from district.clock import Clock, ClockDep
from district.database import DbSession, session_scope
from district.footfall.routes import csv_answer
from district.problems import Conflict, DistrictError, Invalid, NotFound, Unavailable
from district.stores.public import stores_of
from district.web import audience_form, audience_sizes, categories
from district.web.audience_shared import PAGE, kept_apart, names_taken, own_sets, removed_of
from district.web.audience_words import in_words
from district.web.explained import explained
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, not_found, show
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.preview_words import people
from district.web.security import require_own_form
from district.web.staff import Staff
from push.audience import Audience
from push.audience_document import parse_who
from push.audience_terms import LabelKind
from push.problems import Report

router = APIRouter()
OWN_FORM = [Depends(require_own_form)]
TRADES = 60
SEGMENTS = f"{PAGE}/segments"


def _audience(row: Segment) -> Audience:
    return parse_who(row.rule, Report())


@router.get(PAGE)
def page(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    said: str = "",
    kind: str = "",
    row: str = "",
) -> Response:
    """The segments, and how many people follow the merchant's stores."""
    rows = own_sets(session, here, Segment)
    owner = ownership.owner_of(here.principal)
    return show(
        request,
        here,
        clock,
        "merchant/audience.html",
        rows=rows,
        audiences={row.id: _audience(row) for row in rows},
        used={
            row.id: ownership.uses(session, here.district.id, owner, LabelKind.SEGMENT, row.name)
            for row in rows
        },
        in_words=in_words,
        followers=people(audience_sizes.followers(session, here.district, here.principal)),
        said=said[:10],
        removed=removed_of(kind, row),
    )


@router.get(f"{PAGE}/segments.csv")
def as_file(here: MerchantStaff, session: DbSession) -> Response:
    """The segments as they are written."""
    head = ("name", "title", "kind", "version", "changed_at", "frozen_at", "rule")
    lines: list[Any] = [head]
    for row in own_sets(session, here, Segment):
        frozen = row.frozen_at.isoformat() if row.frozen_at else ""
        lines.append(
            (row.name, row.title, row.kind, row.version, row.changed_at.isoformat(), frozen, str(row.rule))
        )
    return csv_answer(lines, "segments.csv")


@router.get(f"{SEGMENTS}/new")
def new(request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep) -> Response:
    """An empty form."""
    return _form(request, here, session, clock, audience_form.empty())


@router.post(f"{SEGMENTS}/new", dependencies=OWN_FORM)
def create(
    request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make it, or the form again with what is wrong."""
    taken = names_taken(session, Segment, here)
    try:
        wanted = NewSegment.model_validate(
            {
                "name": kept_apart(sent.one("title"), taken),
                "title": sent.one("title"),
                "kind": sent.one("kind"),
                "rule": audience_form.rule_of(sent),
            }
        )
        with session.begin_nested():
            row = segments.create(session, here.district, here.principal, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _form(request, here, session, clock, sent, wrong=wrong)
    return RedirectResponse(f"{SEGMENTS}/{row.name}?said=saved", HTTPStatus.SEE_OTHER)


@router.post(f"{SEGMENTS}/count", dependencies=OWN_FORM)
def count(request: Request, here: MerchantStaff, clock: ClockDep, sent: SentForm) -> Response:
    """A fragment: how many people the form's terms have."""
    found, refused = None, ""
    try:
        with session_scope(request.app.state.sessions) as session:
            rule = audience_form.rule_of(sent)
            found = audience_sizes.size(session, here.district, here.principal, rule, clock=clock)
    except DistrictError as error:
        refused = _first(error, request)
    return show(
        request,
        here,
        clock,
        "merchant/audience_count.html",
        count=None if found is None else people(found),
        refused=refused,
    )


def _first(error: DistrictError, request: Request) -> str:
    language = negotiate(request)
    wrong = wrong_of(error, language)
    return next(iter(wrong.places.values()), "") or explained(error, language)


@router.get(f"{SEGMENTS}/{{name}}")
def one(
    name: str, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, said: str = ""
) -> Response:
    """One segment as a form, or in words where it says more than the form can."""
    try:
        row = ownership.find(session, Segment, here.district.id, here.principal, name)
    except NotFound:
        return not_found(request, here, clock)
    sent = audience_form.filled(row.rule)
    if sent is not None:
        more = {"title": (row.title,), "kind": (row.kind,), "version": (str(row.version),)}
        sent = Sent(values={**sent.values, **more})
    return _form(request, here, session, clock, sent, row=row, said=said[:10])


@router.post(f"{SEGMENTS}/{{name}}", dependencies=OWN_FORM)
def change(
    name: str, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Another title or rule."""
    try:
        row = ownership.find(session, Segment, here.district.id, here.principal, name)
    except NotFound:
        return not_found(request, here, clock)
    values = {"version": sent.one("version"), "title": sent.one("title")}
    if sent.one("joint"):
        values["rule"] = audience_form.rule_of(sent)  # type: ignore[assignment]  # one of many kinds of values
    try:
        wanted = SegmentChange.model_validate(values)
        with session.begin_nested():
            segments.change(session, here.district, here.principal, name, wanted, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _form(request, here, session, clock, sent, row=row, wrong=wrong)
    return RedirectResponse(f"{SEGMENTS}/{name}?said=saved", HTTPStatus.SEE_OTHER)


@router.post(f"{SEGMENTS}/{{name}}/freeze", dependencies=OWN_FORM)
def freeze(name: str, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep) -> Response:
    """Look for a static segment's members anew."""
    try:
        segments.freeze(session, here.district, here.principal, name, clock=clock)
    except NotFound:
        return not_found(request, here, clock)
    return RedirectResponse(f"{SEGMENTS}/{name}?said=frozen", HTTPStatus.SEE_OTHER)


def _form(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    sent: Sent | None,
    *,
    row: Segment | None = None,
    wrong: Wrong = RIGHT,
    said: str = "",
) -> Response:
    district_id, owner = here.district.id, ownership.owner_of(here.principal)
    name = row.name if row is not None else ""
    return show(
        request,
        here,
        clock,
        "merchant/segment.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        filled=sent,
        row=row,
        audience=_audience(row) if row is not None else None,
        in_words=in_words,
        used=ownership.uses(session, district_id, owner, LabelKind.SEGMENT, name) if name else [],
        trades=_trades(request, here),
        tags=_named(session, Tag, here),
        lists=_named(session, ContactList, here),
        segments=[one for one in _named(session, Segment, here) if one[0] != name],
        wrong=wrong,
        said=said,
    )


def _named(
    session: Session, table: type[Tag] | type[ContactList] | type[Segment], here: Staff
) -> list[tuple[str, str]]:
    own = ownership.owned(table, here.district.id, ownership.owner_of(here.principal))
    return sorted(((row.name, row.title) for row in session.scalars(own)), key=lambda one: one[1].casefold())


def _trades(request: Request, here: Staff) -> list[tuple[str, str]]:
    """The district's commonest kinds of shops, by what they are called."""
    try:
        book = stores_of(request, here.district.slug)
    except Unavailable:
        return []
    language = negotiate(request)
    found = categories.commonest((store.category for store in book.stores), TRADES)
    return sorted(((one, categories.title(one, language)) for one in found), key=lambda one: one[1])
