"""Campaigns that wait for the operator: what would go out, to whom and where, and a yes or no in one click."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from district.auth.models import Role
from district.campaigns import service
from district.campaigns.models import Campaign, CampaignStock
from district.campaigns.service import StepRefused, VersionStale
from district.clock import ClockDep
from district.database import DbSession
from district.merchants.models import Merchant
from district.problems import NotFound
from district.web.audience_words import in_words
from district.web.explained import explained
from district.web.formats import duration
from district.web.language import Language, negotiate, spoken
from district.web.language import gettext as _
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from district.web.worth import worth
from geo import geojson
from geo.metric import LocalPlane
from geo.presence import area_m2
from push import campaign_document
from push.campaign import CampaignAction, CampaignState
from push.limits import Period
from push.rule import CampaignRule, JoinKind, Trigger, TriggerKind

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 50
UNDO = {CampaignAction.APPROVE: CampaignAction.PAUSE, CampaignAction.REJECT: CampaignAction.SUBMIT}
"""What takes a decision back: an approved campaign stops sending, a rejected one waits again."""
ALLOWED = frozenset({*UNDO, *UNDO.values(), CampaignAction.RESUME})


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A campaign as the operator judges it."""

    id: uuid.UUID
    version: int
    state: CampaignState
    name: str
    merchant: str
    title: str
    text: str
    worth: str
    triggers: Sequence[str]
    audience: str
    cap: str
    hours: str
    needs_open_store: bool
    stock: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    area_m2: float


@router.get("/operator/approvals")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """All that wait, the oldest first."""
    rows = session.execute(
        _campaigns(operator)
        .where(Campaign.state == CampaignState.IN_REVIEW)
        .order_by(Campaign.changed_at, Campaign.id)
        .limit(MOST_SHOWN)
    ).all()
    shell = operator.shell(request, badges={"approvals": len(rows)})
    return render(
        request,
        "operator/approvals.html",
        shell=shell,
        now=clock.now(),
        rows=rows,
        shown=lambda row: _waiting(operator, *row),
        fences=_fences(rows),
        district=operator.district,
        live=service.count_by_state(session, operator.district.id, None).get(CampaignState.LIVE, 0),
    )


@router.post("/operator/approvals/{campaign_id}/{action}", dependencies=[Depends(require_own_form)])
def decide(
    campaign_id: uuid.UUID,
    action: CampaignAction,
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    version: Annotated[int | None, Form()] = None,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Take one step and show what it led to, with the way back."""
    if action not in ALLOWED:
        raise NotFound("No such step here.")
    error = ""
    try:
        service.step(
            session,
            operator.district.id,
            operator.principal,
            campaign_id,
            action,
            clock=clock,
            version=version,
            reason=reason,
        )
    except (VersionStale, StepRefused) as refused:
        error = explained(refused, negotiate(request))
    if request.headers.get("hx-request") != "true":
        return RedirectResponse("/operator/approvals", HTTPStatus.SEE_OTHER)
    row = session.execute(_campaigns(operator).where(Campaign.id == campaign_id)).one()
    return render(
        request,
        "operator/approval_card.html",
        shell=operator.shell(request),
        now=clock.now(),
        row=row,
        shown=lambda one: _waiting(operator, *one),
        action=action,
        undo=UNDO.get(action),
        error=error,
    )


def _campaigns(operator: Staff) -> Any:
    return (
        select(Campaign, Merchant.name, CampaignStock.quota)
        .join(
            Merchant, (Merchant.district_id == Campaign.district_id) & (Merchant.id == Campaign.merchant_id)
        )
        .outerjoin(
            CampaignStock,
            (CampaignStock.district_id == Campaign.district_id) & (CampaignStock.campaign_id == Campaign.id),
        )
        .where(Campaign.district_id == operator.district.id)
    )


def _waiting(operator: Staff, row: Campaign, merchant: str, quota: int | None) -> Waiting:
    """In the language being spoken, so only while a page is rendered."""
    rule = campaign_document.parse_rule(row.rule)
    return Waiting(
        id=row.id,
        version=row.version,
        state=CampaignState(row.state),
        name=row.name,
        merchant=merchant,
        title=words(row.offer.get("title", {})),
        text=words(row.offer.get("text", {})),
        worth=worth(row.offer.get("value", {})),
        triggers=_triggers(rule),
        audience=in_words(rule.audience),
        cap=_cap(rule),
        hours=rule.when.opening_hours or "",
        needs_open_store=rule.when.and_store_open,
        stock=quota,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        area_m2=area_m2(to_shape(row.fence), LocalPlane(anchor=operator.district.center)),
    )


def _triggers(rule: CampaignRule) -> list[str]:
    return [_trigger(trigger) for trigger in rule.triggers]


def _trigger(trigger: Trigger) -> str:
    words = {
        TriggerKind.ENTER: _("enters the fence"),
        TriggerKind.EXIT: _("leaves the fence"),
        TriggerKind.DWELL: _("stays in the fence for %(length)s", length=duration(trigger.dwell)),
        TriggerKind.WIFI_JOIN: _joining(trigger.join),
        TriggerKind.STORE_VISIT: _("has visited a store"),
        TriggerKind.SCHEDULE: _("at set times"),
        TriggerKind.PURCHASE: _("has bought something"),
        TriggerKind.BIRTHDAY: _("has a birthday"),
        TriggerKind.VISITS: _("visits a store for the %(count)s. time", count=trigger.visits),
        TriggerKind.LAPSED: _("has not come for %(length)s", length=duration(trigger.lapsed_after)),
    }
    return words[trigger.on]


def _joining(join: JoinKind) -> str:
    words = {
        JoinKind.ANY: _("joins the Wi-Fi"),
        JoinKind.FIRST: _("joins the Wi-Fi for the first time"),
        JoinKind.RETURN: _("joins the Wi-Fi again"),
    }
    return words[join]


def _cap(rule: CampaignRule) -> str:
    cap = rule.caps.campaign
    if cap.per is Period.DAY:
        return _("%(count)s a day for each member", count=cap.n)
    if cap.per is Period.SEVEN_DAYS:
        return _("%(count)s in seven days for each member", count=cap.n)
    return _("%(count)s for each member, ever", count=cap.n)


def _fences(rows: Sequence[Any]) -> Mapping[str, Any]:
    """The fences on the map, each under its campaign's id."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": geojson.dump(to_shape(row[0].fence)),
                "properties": {"id": str(row[0].id), "name": f"{row[1]}: {row[0].name}"},
            }
            for row in rows
        ],
    }


def words(texts: Mapping[str, str]) -> str:
    """A localised text in the language being spoken, else in the other."""
    own = texts.get(spoken().language.value)
    return own or texts.get(Language.EN.value) or texts.get(Language.ZH.value) or ""
