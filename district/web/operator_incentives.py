"""What people get for joining the Wi-Fi: the operator makes an incentive, counts it, stops it, and lets it run again."""

import uuid
from http import HTTPStatus
from typing import Annotated, Any

from babel.numbers import get_currency_precision
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns.shared_models import JoinIncentive
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo
from district.footfall.routes import csv_answer
from district.gateways.models import Plan
from district.portal import incentive_service
from district.portal.incentive_schemas import NewIncentive
from district.portal.incentives import Reward
from district.problems import Conflict, Invalid, Unavailable
from district.stores.public import stores_of
from district.web.fragments import is_fragment
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, local_time, scaled, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/incentives"
OWN_FORM = [Depends(require_own_form)]
MOST_SHOWN = 200
MOST_STORES = 24
NEW = Sent(
    values={
        "nth": ("1",),
        "kind": ("coupon",),
        "needs_contact": ("on",),
        "value": ("percent",),
        "amount": ("10",),
        "ttl_h": ("24",),
        "plan_for_h": ("24",),
        "points": ("50",),
    }
)


@router.get(PAGE)
def page(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, said: str = "", row: str = ""
) -> HTMLResponse:
    """The incentives, and the form of a new one."""
    return _page(request, operator, session, clock, filled=NEW, said=said[:10], about=row[:40])


@router.get(f"{PAGE}.csv")
def as_file(operator: Operator, session: DbSession) -> Response:
    """The same rows."""
    rows = incentive_service.shown(session, operator.district.id, _rows(session, operator))
    names = (
        "id",
        "name",
        "nth",
        "kind",
        "plan",
        "starts_at",
        "ends_at",
        "ended_at",
        "rewarded",
        "waiting",
        "refused",
    )
    lines = [["" if (value := getattr(one, name)) is None else str(value) for name in names] for one in rows]
    return csv_answer([names, *lines], "join-incentives.csv")


@router.post(PAGE, dependencies=OWN_FORM)
def create(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make one, or the form again with what is wrong."""
    try:
        new = NewIncentive.model_validate(_document(sent, operator.district))
        with session.begin_nested():
            incentive_service.create(session, operator.district, operator.principal, new, clock=clock)
    except (ValidationError, Invalid, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, wrong=wrong)
    return RedirectResponse(f"{PAGE}?said=made", HTTPStatus.SEE_OTHER)


@router.post(PAGE + "/{incentive_id}/end", dependencies=OWN_FORM)
def end(incentive_id: uuid.UUID, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """Nobody who joins from now on gets it."""
    incentive_service.end(
        session, incentive_service.find(session, operator.district.id, incentive_id), clock=clock
    )
    return RedirectResponse(f"{PAGE}?said=ended&row={incentive_id}", HTTPStatus.SEE_OTHER)


@router.post(PAGE + "/{incentive_id}/go-on", dependencies=OWN_FORM)
def go_on(incentive_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """Take the stop back."""
    incentive_service.go_on(session, incentive_service.find(session, operator.district.id, incentive_id))
    return RedirectResponse(f"{PAGE}?said=on", HTTPStatus.SEE_OTHER)


def _document(sent: Sent, district: DistrictInfo) -> dict[str, Any]:
    """The body that the interface would take."""
    shared = {
        "name": sent.one("name"),
        "nth": sent.one("nth"),
        "kind": sent.one("kind"),
        "needs_contact": sent.is_on("needs_contact"),
        "starts_at": local_time(sent.one("starts_at"), district.zone),
        "ends_at": local_time(sent.one("ends_at"), district.zone),
    }
    if sent.one("kind") == Reward.PLAN:
        return {**shared, "plan": sent.one("plan"), "plan_for_s": scaled(sent.one("plan_for_h"), 3_600)}
    return {
        **shared,
        "offer": _offer(sent, district),
        "stock": None if sent.one("kind") == Reward.RED_PACKET else sent.one("stock") or None,
        "store_ids": sent.all("store_ids"),
        "ttl_s": scaled(sent.one("ttl_h"), 3_600),
    }


def _offer(sent: Sent, district: DistrictInfo) -> dict[str, Any]:
    kind = sent.one("kind")
    value: dict[str, Any] = {"type": sent.one("value")}
    minor = 10 ** get_currency_precision(district.currency)
    if kind == Reward.POINTS:
        value = {"type": "points", "points": scaled(sent.one("points"), 1)}
    elif kind == Reward.RED_PACKET:
        amounts = {name: scaled(sent.one(name), minor) for name in ("total", "least")}
        value = {
            "type": "random",
            "total_minor": amounts["total"],
            "count": scaled(sent.one("count"), 1),
            "least_minor": amounts["least"],
        }
    elif value["type"] == "percent":
        value["percent"] = scaled(sent.one("amount"), 1)
    elif value["type"] == "amount":
        value["minor_units"] = scaled(sent.one("amount"), minor)
    texts = {
        part: {one: sent.one(f"{part}_{one}") for one in ("zh", "en") if sent.one(f"{part}_{one}")}
        for part in ("title", "text")
    }
    return {"kind": kind, "value": value, **texts}


def _rows(session: Session, operator: Staff) -> list[JoinIncentive]:
    newest = incentive_service.listed(operator.district.id).order_by(JoinIncentive.id.desc())
    return list(session.scalars(newest.limit(MOST_SHOWN)))


def _stores(request: Request, operator: Staff, sent: Sent) -> list[tuple[str, str, bool]]:
    """Those that are ticked, then others whose name or reference has the words: id, name and whether it is ticked."""
    language, words = negotiate(request).value, sent.one("store_words")[:80].casefold()
    ticked = set(sent.all("store_ids"))
    try:
        every = stores_of(request, operator.district.slug).stores
    except Unavailable:
        return []
    named = sorted(((one.title(language) or one.ref, str(one.id)) for one in every), key=_by_name)
    chosen = [(row_id, name, True) for name, row_id in named if row_id in ticked]
    others = [
        (row_id, name, False) for name, row_id in named if row_id not in ticked and words in name.casefold()
    ]
    return chosen + others[:MOST_STORES]


def _by_name(one: tuple[str, str]) -> tuple[str, str]:
    return one[0].casefold(), one[1]


@router.get(f"{PAGE}/stores")
def found_elsewhere(operator: Operator) -> Response:
    """Who comes back to the address of the search, to read it in the other language, comes to the page."""
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/stores", dependencies=OWN_FORM)
def find_stores(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> HTMLResponse:
    """Stores to tick, the ticked ones first: alone for HTMX, else in the page with what was typed."""
    if not is_fragment(request):
        return _page(request, operator, session, clock, filled=sent)
    return render(
        request,
        "operator/store_choice.html",
        shell=operator.shell(request),
        now=clock.now(),
        stores=_stores(request, operator, sent),
    )


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    said: str = "",
    about: str = "",
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    district_id = operator.district.id
    plans = select(Plan).where(Plan.district_id == district_id).order_by(Plan.slug)
    return render(
        request,
        "operator/incentives.html",
        shell=operator.shell(request, badges=waiting(session, district_id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        incentives=incentive_service.shown(session, district_id, _rows(session, operator)),
        plan_choices=[(plan.slug, plan.name or plan.slug) for plan in session.scalars(plans)],
        stores=_stores(request, operator, filled),
        filled=filled,
        said=said,
        about=about,
        wrong=wrong,
    )
