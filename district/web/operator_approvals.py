"""Campaigns that wait for the operator: what would go out, to whom and where, and a yes or no in one click."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import or_
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns import finding, service
from district.campaigns.models import Campaign
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import Conflict, Invalid, NotFound
from district.web import operator_approval_cards as cards
from district.web.explained import explained
from district.web.fragments import is_fragment
from district.web.language import negotiate
from district.web.operator_approval_cards import Gathered
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from push.campaign import CampaignAction, CampaignState

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/approvals"
MOST_SHOWN = 50
ALLOWED = frozenset(
    {
        CampaignAction.APPROVE,
        CampaignAction.REJECT,
        CampaignAction.PAUSE,
        CampaignAction.SUBMIT,
        CampaignAction.RESUME,
    }
)
"""Yes and no, and what takes them back: an approved campaign stops sending, a rejected one waits again."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A campaign after a step, or after one that was refused."""

    one: Gathered
    action: CampaignAction
    error: str = ""
    status: HTTPStatus = HTTPStatus.OK
    reason: str = ""
    """What was typed with a step that was refused."""


@router.get(PAGE)
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    done: uuid.UUID | None = None,
    step: CampaignAction | None = None,
) -> HTMLResponse:
    """All that wait, the oldest first; above them what was decided just now, by who has no script yet."""
    row = None if done is None or step not in ALLOWED else _found(session, operator, done)
    decided = Decided(one=row, action=step) if row is not None and step is not None else None
    return _page(request, operator, session, clock, decided)


@router.get(PAGE + "/{campaign_id}/{action}")
def decided_elsewhere(operator: Operator) -> Response:
    """Who comes back to the address of a button, to read it in the other language, comes to the list."""
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


@router.post(PAGE + "/{campaign_id}/{action}", dependencies=[Depends(require_own_form)])
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
    """Take one step and show what it led to, with the way back: the card alone for HTMX, else the page."""
    if action not in ALLOWED:
        raise NotFound("No such step here.")
    error: Conflict | Invalid | None = None
    try:
        with session.begin_nested():
            _take(session, operator, campaign_id, action, clock=clock, version=version, reason=reason)
    except (Conflict, Invalid) as refused:
        error = refused
    is_part = is_fragment(request)
    if error is None and not is_part:
        return RedirectResponse(f"{PAGE}?done={campaign_id}&step={action.value}", HTTPStatus.SEE_OTHER)
    one = _found(session, operator, campaign_id)
    if one is None:
        raise NotFound("No such campaign.")
    decided = Decided(one=one, action=action)
    if error is not None:
        words = explained(error, negotiate(request))
        decided = replace(decided, error=words, status=error.status, reason=reason)
    if not is_part:
        return _page(request, operator, session, clock, decided)
    return render(
        request,
        "operator/approval_card.html",
        shell=operator.shell(request),
        now=clock.now(),
        row=decided.one,
        decided=decided,
        shown=lambda one: cards.waiting(operator, one),
    )


def _take(
    session: Session, operator: Staff, campaign_id: uuid.UUID, action: CampaignAction, **more: Any
) -> None:
    """Raises: NotFound; Conflict and Invalid for what is refused."""
    service.step(session, operator.district.id, operator.principal, campaign_id, action, **more)


def _page(
    request: Request, operator: Staff, session: Session, clock: Clock, decided: Decided | None
) -> HTMLResponse:
    rows = _rows(session, operator)
    refused = decided if decided is not None and decided.error else None
    if refused is not None:
        # First, and also when it waits no more: the reason stands beside what was typed.
        rows = [refused.one, *(one for one in rows if one.row.id != refused.one.row.id)]
    live = finding.count_by_state(session, operator.district.id, None).get(CampaignState.LIVE, 0)
    return render(
        request,
        "operator/approvals.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.OK if refused is None else refused.status,
        rows=rows,
        done=decided if refused is None else None,
        refused=refused,
        shown=lambda one: cards.waiting(operator, one),
        fences=cards.fences(rows),
        district=operator.district,
        live=live,
    )


def _rows(session: Session, operator: Staff) -> Sequence[Gathered]:
    waits = or_(Campaign.state == CampaignState.IN_REVIEW, Campaign.pending_version.is_not(None))
    oldest = cards.campaigns(operator).where(waits).order_by(Campaign.changed_at, Campaign.id)
    return [cards.gathered(session, *one) for one in session.execute(oldest.limit(MOST_SHOWN))]


def _found(session: Session, operator: Staff, campaign_id: uuid.UUID) -> Gathered | None:
    row = session.execute(cards.campaigns(operator).where(Campaign.id == campaign_id)).one_or_none()
    return None if row is None else cards.gathered(session, *row)
