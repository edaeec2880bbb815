"""Joint events: opened on the operator's page, entered on the merchants'."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns import joint, joint_answers
from district.campaigns.joint_schemas import NewJointEvent, PartyKind
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid
from district.web.explained import explained
from district.web.language import Language, negotiate
from district.web.merchant_pages import MerchantStaff, own_stores, show
from district.web.operator_forms import Sent, SentForm, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 50


@router.get("/merchant/events")
def merchants_page(
    request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, said: str = ""
) -> HTMLResponse:
    """The district's events, and which own stores take part."""
    return _merchants(request, here, session, clock, said=said[:10])


def _merchants(
    request: Request, here: Staff, session: Session, clock: Clock, *, said: str = "", error: str = ""
) -> HTMLResponse:
    rows = joint.listed(session, here.district.id, most=MOST_SHOWN)
    return show(
        request,
        here,
        clock,
        "merchant/events.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        events=joint_answers.shown(session, here.principal, rows, now=clock.now()),
        stores=own_stores(session, here),
        said=said,
        error=error,
    )


@router.post("/merchant/events/{event_id}", dependencies=[Depends(require_own_form)])
def take_part(
    event_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    store_id: Annotated[uuid.UUID, Form()],
    doing: Annotated[str, Form(max_length=10)],
) -> Response:
    """Enrol a store, or take it out again."""
    try:
        if doing == "leave":
            joint.leave(session, here.principal, event_id, store_id, clock=clock)
        else:
            joint.enrol(session, here.principal, event_id, [store_id], clock=clock)
    except (Conflict, Invalid) as refused:
        return _merchants(request, here, session, clock, error=_said(refused, negotiate(request)))
    return RedirectResponse("/merchant/events?said=saved", HTTPStatus.SEE_OTHER)


def _said(refused: Conflict | Invalid, language: Language) -> str:
    """The first thing that is wrong, in words."""
    first = next(iter(refused.members.get("errors", ())), None)
    if first is None:
        return explained(refused, language)
    return str(first.get("detail_zh" if language is Language.ZH else "detail") or first["detail"])


@router.get("/operator/events")
def operators_page(
    request: Request, here: Operator, session: DbSession, clock: ClockDep, said: str = ""
) -> HTMLResponse:
    """The events, and the form of a new one."""
    return _operators(request, here, session, clock, filled=Sent(), said=said[:10])


def _operators(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    said: str = "",
    error: str = "",
) -> HTMLResponse:
    rows = joint.listed(session, here.district.id, most=MOST_SHOWN)
    return render(
        request,
        "operator/events.html",
        shell=here.shell(request, badges=waiting(session, here.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        events=joint_answers.shown(session, here.principal, rows, now=clock.now()),
        centre=here.district.center,
        filled=filled,
        said=said,
        error=error,
    )


@router.post("/operator/events", dependencies=[Depends(require_own_form)])
def open_event(
    request: Request, here: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Open one, or the form again with the first thing that is wrong."""
    language = negotiate(request)
    try:
        new = NewJointEvent.model_validate(_event(sent, here.district))
        with session.begin_nested():
            joint.open_event(session, here.district, here.principal, new, clock=clock)
    except ValidationError as wrong:
        places = wrong_of(wrong, language).places
        error = "; ".join(f"{place}: {words}" for place, words in list(places.items())[:3])
        return _operators(request, here, session, clock, filled=sent, error=error or str(wrong.title))
    except (Invalid, Conflict) as refused:
        error = _said(refused, language)
        return _operators(request, here, session, clock, filled=sent, error=error)
    return RedirectResponse("/operator/events?said=opened", HTTPStatus.SEE_OTHER)


def _event(sent: Sent, district: DistrictInfo) -> dict[str, Any]:
    """The body that the interface would take."""
    shares = [
        {
            "party_kind": kind.value,
            "permille": sent.one(kind.value),
            "name": sent.one("sponsor_name") if kind is PartyKind.SPONSOR else "",
        }
        for kind in PartyKind
        if sent.one(kind.value) not in {"", "0"}
    ]
    return {
        "name": sent.one("name"),
        "rule": {
            "v": 1,
            "trigger": {"any": [{"on": "fence.enter"}]},
            "where": {"within": _shape(sent.one("within"))},
        },
        "offer": {
            "kind": "coupon",
            "value": {"type": "percent", "percent": _whole(sent.one("percent"))},
            "title": _words(sent, "title"),
            "text": _words(sent, "text"),
        },
        "stock": sent.one("stock") or None,
        "funding": shares,
        **{name: _at(sent.one(name), district) for name in ("enrol_until", "starts_at", "ends_at")},
    }


def _shape(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _words(sent: Sent, name: str) -> Mapping[str, str]:
    return {one: sent.one(f"{name}_{one}") for one in ("zh", "en") if sent.one(f"{name}_{one}")}


def _at(text: str, district: DistrictInfo) -> datetime | str:
    """A wall time of the district."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=district.zone)
    except ValueError:
        return text
