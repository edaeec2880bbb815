"""What became of messages: counts, a list to look through, and the story of each."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.deliveries import forecasts, stories
from district.deliveries.stories import Delivery, Wanted
from district.footfall.routes import csv_answer
from district.problems import Conflict
from district.web import delivery_words
from district.web.channel_words import channel_word
from district.web.operator_shell import machine_ago, waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from push.consent import Channel
from push.delivery import DeliveryState

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE: Final = "/operator/deliveries"
MOST_SHOWN: Final = 50
MOST_ROWS: Final = 10_000
MOST_CAMPAIGNS: Final = 200
PERIODS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "all": None}
Word = Annotated[str, Query(max_length=40)]


class Asked:
    """What the filter says; what it does not know counts as nothing."""

    def __init__(
        self, clock: ClockDep, state: Word = "", channel: Word = "", campaign: Word = "", period: Word = ""
    ) -> None:
        self.given = {"state": state, "channel": channel, "campaign": campaign, "period": period}
        length = PERIODS.get(period)
        self.wanted = Wanted(
            state=DeliveryState(state) if state in set(DeliveryState) else None,
            channel=Channel(channel) if channel in set(Channel) else None,
            campaign_id=_id(campaign),
            since=clock.now() - length if length else None,
        )

    def address(self, **changes: str) -> str:
        """The query of this filter, with changes."""
        return urlencode({name: value for name, value in (self.given | changes).items() if value})


AskedDep = Annotated[Asked, Depends()]


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@router.get(PAGE)
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    asked: AskedDep,
    before: Annotated[uuid.UUID | None, Query()] = None,
) -> HTMLResponse:
    """Counts by state, what waits by channel, and messages, the newest first."""
    district_id = operator.district.id
    found = stories.listed(session, district_id, asked.wanted, before=before, limit=MOST_SHOWN + 1)
    return render(
        request,
        "operator/deliveries.html",
        shell=operator.shell(request, badges=waiting(session, district_id)),
        now=clock.now(),
        asked=asked,
        counts=stories.counted(session, district_id, asked.wanted),
        lines=stories.waiting(session, district_id, now=clock.now()),
        forecasts=forecasts.forecast(session, operator.district, now=clock.now()),
        deliveries=found[:MOST_SHOWN],
        next=found[MOST_SHOWN - 1].message.id if len(found) > MOST_SHOWN else None,
        campaigns=_campaigns(session, district_id),
        **_words(),
    )


@router.get(PAGE + ".csv")
def as_csv(operator: Operator, session: DbSession, asked: AskedDep) -> Response:
    """The same messages as rows, 10,000 at most."""
    found = stories.listed(session, operator.district.id, asked.wanted, before=None, limit=MOST_ROWS)
    return csv_answer([HEAD, *(_row(one) for one in found)], f"deliveries-{operator.district.slug}.csv")


HEAD: Final = ("id", "planned_at", "purpose", "channel", "provider", "campaign", "state", "reason", "attempts", "finished_at", "delivered_at", "opened_at")  # fmt: skip


def _row(one: Delivery) -> tuple[object, ...]:
    message = one.message
    return (
        str(message.id),
        message.created_at.isoformat(),
        message.purpose,
        message.channel,
        one.provider,
        one.campaign,
        message.state,
        message.reason,
        message.attempts,
        *(_iso(at) for at in (message.finished_at, message.delivered_at, message.opened_at)),
    )


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


@router.get(PAGE + "/{delivery_id}")
def story(
    delivery_id: uuid.UUID, request: Request, operator: Operator, session: DbSession, clock: ClockDep
) -> HTMLResponse:
    """One message from its planning to its last receipt."""
    return _story(request, operator, session, clock, delivery_id)


@router.post(PAGE + "/{delivery_id}/replay", dependencies=[Depends(require_own_form)])
def replay(
    delivery_id: uuid.UUID, request: Request, operator: Operator, session: DbSession, clock: ClockDep
) -> Response:
    """Send it again, if it certainly did not arrive."""
    try:
        stories.replay(session, operator.district.id, delivery_id, clock=clock)
    except Conflict:
        return _story(request, operator, session, clock, delivery_id, status=HTTPStatus.CONFLICT)
    return RedirectResponse(f"{PAGE}/{delivery_id}", HTTPStatus.SEE_OTHER)


def _story(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    delivery_id: uuid.UUID,
    *,
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    told = stories.tell(session, operator.district.id, delivery_id, now=clock.now())
    return render(
        request,
        "operator/delivery.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=status,
        story=told,
        was_refused=status == HTTPStatus.CONFLICT,
        machine_ago=machine_ago(clock),
        **_words(),
    )


def _words() -> Mapping[str, Any]:
    return {
        "states": delivery_words.states,
        "outcomes": delivery_words.outcomes,
        "receipt_words": delivery_words.receipts,
        "purposes": delivery_words.purposes,
        "reason_word": delivery_words.reason_word,
        "channel_word": channel_word,
        "channels": [one.value for one in Channel],
    }


def _campaigns(session: Session, district_id: uuid.UUID) -> list[tuple[str, str]]:
    rows = (
        select(Campaign.id, Campaign.name)
        .where(Campaign.district_id == district_id)
        .order_by(Campaign.id.desc())
        .limit(MOST_CAMPAIGNS)
    )
    return [(str(id_), name) for id_, name in session.execute(rows)]
