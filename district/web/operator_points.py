"""Points of the district: what earns them, what one pays, what that means in plain words, and what is out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.merchants.models import Merchant
from district.points import outstanding, reading
from district.points.models import PointsRule
from district.points.schemas import RuleBody
from district.problems import Conflict, NotFound
from district.web import points_form
from district.web.fragments import is_fragment
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.points_words import meaning, month_name
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
SentRule = Annotated[Sent, Depends(points_form.sent_rule)]
PAGE = "/operator/points"
OWN_FORM = [Depends(require_own_form)]
MOST_OFFERED = 24
HEAD = ("month", "points", "worth_minor")


@router.get(PAGE)
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """The rule as it stands, and what is out."""
    row = session.get(PointsRule, (operator.district.id,))
    filled = points_form.fields(
        reading.rule(session, operator.district.id), operator.district, row.changed_at if row else None
    )
    return _page(request, operator, session, clock, filled=filled)


@router.get(f"{PAGE}.csv")
def as_file(operator: Operator, session: DbSession) -> Response:
    """What ends in which month."""
    found = outstanding.of(session, operator.district)
    rows = [(one.month.isoformat()[:7], one.points, one.worth_minor) for one in found.months]
    return csv_answer([HEAD, *rows], f"points-{operator.district.slug}.csv")


@router.post(PAGE, dependencies=OWN_FORM)
def change(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentRule
) -> HTMLResponse:
    """Replace the rule, or the form again with what is wrong."""
    district = operator.district
    before = reading.rule(session, district.id)
    try:
        wanted = _wanted(operator, sent)
        with session.begin_nested():
            _check_unchanged(session, operator, sent)
            reading.set_rule(session, district.id, wanted, now=clock.now())
    except (ValidationError, Conflict, NotFound) as error:
        return _page(
            request, operator, session, clock, filled=sent, wrong=wrong_of(error, negotiate(request))
        )
    row = session.get_one(PointsRule, (district.id,))
    filled = points_form.fields(wanted, district, row.changed_at)
    undo = points_form.fields(before, district, row.changed_at) if before != wanted else None
    return _page(request, operator, session, clock, filled=filled, is_saved=True, undo=undo)


@router.post(f"{PAGE}/meaning", dependencies=OWN_FORM)
def show_meaning(request: Request, operator: Operator, clock: ClockDep, sent: SentRule) -> HTMLResponse:
    """A fragment: what the form would mean; nothing is saved."""
    try:
        rule = _wanted(operator, sent)
    except (ValidationError, Conflict):
        rule = None
    return render(
        request,
        "operator/points_meaning.html",
        shell=operator.shell(request),
        now=clock.now(),
        rule=rule,
        meaning=meaning,
    )


@router.post(f"{PAGE}/merchants", dependencies=OWN_FORM)
def find_merchants(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentRule
) -> HTMLResponse:
    """Merchants to tick, the ticked ones first: alone for HTMX, else in the page. A POST, as many may be ticked."""
    if not is_fragment(request):
        return _page(request, operator, session, clock, filled=sent)
    return render(
        request,
        "operator/merchant_choice.html",
        shell=operator.shell(request),
        now=clock.now(),
        merchants=_merchants(request, session, operator, sent),
    )


@router.get(f"{PAGE}/merchants")
def found_elsewhere(operator: Operator) -> Response:
    """Who comes back to the address of the search, to read it in the other language, comes to the page."""
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def _wanted(operator: Staff, sent: Sent) -> RuleBody:
    """Raises: ValidationError; Conflict for a choice of merchants in which none is chosen."""
    wanted = RuleBody.model_validate(points_form.document(sent, operator.district))
    if wanted.merchant_ids == []:
        words, words_zh = (
            "Choose at least one merchant, or all of them.",
            "请至少选择一家商户，或选择全部商户。",
        )
        raise Conflict(words, errors=[{"pointer": "/merchant_ids", "detail": words, "detail_zh": words_zh}])
    return wanted


def _check_unchanged(session: Session, operator: Staff, sent: Sent) -> None:
    """Raises: Conflict when somebody changed the rule after the form was opened. Locks the rule."""
    row = session.get(PointsRule, (operator.district.id,), with_for_update=True, populate_existing=True)
    if points_form.version(row.changed_at if row else None) != sent.one("changed_at"):
        raise Conflict(
            "Somebody has changed the rule since you opened this page. Load it again, then change it.",
            detail_zh="您打开本页后，规则已被他人修改。请重新加载本页后再修改。",
        )


def _merchants(
    request: Request, session: Session, operator: Staff, sent: Sent
) -> list[tuple[str, str, bool]]:
    """Those that are ticked, then others whose name has the words: id, name and whether it is ticked."""
    ids, words = points_form.ticked(sent), sent.one("merchant_words").replace("\0", "")
    name = func.lower(Merchant.name)
    own = select(Merchant).where(Merchant.district_id == operator.district.id).order_by(name, Merchant.id)
    has_words = or_(
        Merchant.name.icontains(words, autoescape=True), Merchant.name_zh.icontains(words, autoescape=True)
    )
    chosen = session.scalars(own.where(Merchant.id.in_(ids))).all() if ids else []
    others = session.scalars(own.where(Merchant.id.not_in(ids), has_words).limit(MOST_OFFERED)).all()
    is_chinese = negotiate(request).value == "zh"
    return [
        (str(row.id), (is_chinese and row.name_zh) or row.name, is_on)
        for rows, is_on in ((chosen, True), (others, False))
        for row in rows
    ]


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    is_saved: bool = False,
    undo: Sent | None = None,
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    district = operator.district
    try:
        rule = _wanted(operator, filled)
    except (ValidationError, Conflict):
        rule = None
    return render(
        request,
        "operator/points.html",
        shell=operator.shell(request, badges=waiting(session, district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        filled=filled,
        rule=rule,
        meaning=meaning,
        is_standing=reading.rule(session, district.id).is_on,
        merchants=_merchants(request, session, operator, filled),
        out=outstanding.of(session, district),
        month_name=month_name,
        is_saved=is_saved,
        undo=points_form.hidden(undo) if undo else None,
        wrong=wrong,
    )
