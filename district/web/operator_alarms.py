"""Alarms: what an operator should look at, each once, until somebody has seen it."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select

from district.auth.models import Role
from district.clock import ClockDep
from district.database import DbSession
from district.members import alarms
from district.members.models import Alarm
from district.web.language import gettext as _
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 200


@router.get("/operator/alarms")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """Those that nobody has seen, then the others, the newest first."""
    rows = session.scalars(
        select(Alarm)
        .where(Alarm.district_id == operator.district.id)
        .order_by(Alarm.seen_at.is_not(None), Alarm.last_at.desc(), Alarm.id)
        .limit(MOST_SHOWN)
    ).all()
    return render(
        request,
        "operator/alarms.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        alarms=rows,
        kinds=kinds,
        detail_names=detail_names,
    )


@router.post("/operator/alarms/{alarm_id}/seen", dependencies=[Depends(require_own_form)])
def seen(alarm_id: uuid.UUID, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """Somebody has looked at it; the same trouble opens a new one."""
    alarms.see(session, operator.district.id, alarm_id, now=clock.now())
    return RedirectResponse("/operator/alarms", HTTPStatus.SEE_OTHER)


def kinds() -> dict[str, tuple[str, str]]:
    """What happened and what to do, by the alarm's kind."""
    return {
        "device_at_two_addresses": (
            _("One device under two addresses at once"),
            _("Two machines may use one address of hardware: whoever copied it gets no member's page."),
        ),
        "nas_clock_wrong": (
            _("The clock of a NAS is wrong"),
            _("Its times are not believed, ours are used instead: set its clock by NTP."),
        ),
        "gateway_polled_from_elsewhere": (
            _("A gateway was polled from an address that is not on its list"),
            _(
                "It was refused. If the gateway has moved, change its pollers' networks; else somebody else asked."
            ),
        ),
        "session_endings_wait": (
            _("Sessions that must end wait too long"),
            _("See whether a worker runs and the gateways answer: whoever withdrew may still be on line."),
        ),
        "deliveries_stuck": (
            _("Messages have been on their way for more than a minute"),
            _("See whether a worker runs: a call to a provider is cut off after eight seconds."),
        ),
        "session_not_ended": (
            _("A session could not be ended"),
            _("The device may still be on line: look at what the gateway said, and end it there by hand."),
        ),
        "device_at_two_places": (
            _("One device at two places at once"),
            _("Its address may be copied: whoever uses it gets no member's page without signing in again."),
        ),
    }


def detail_names() -> dict[str, str]:
    """What an alarm's details are called."""
    return {
        "gateway": _("Gateway"),
        "nas": "NAS",
        "addresses": _("Addresses"),
        "ahead_s": _("Seconds ahead of us"),
        "address": _("Address"),
        "waiting": _("Waiting"),
        "channel": _("Channel"),
        "sending": _("On their way"),
        "oldest_s": _("Seconds that the oldest waits"),
        "reason": _("Reason"),
        "answer": _("What it said"),
        "attempts": _("Attempts"),
        "access_points": _("Access points"),
        "distance_m": _("Metres between them"),
        "apart_s": _("Seconds between them"),
    }
