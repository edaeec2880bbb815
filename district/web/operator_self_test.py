"""A gateway's self-test: what was looked at, what came, and what to do about it; it looks again by itself."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from district.auth.models import Role
from district.clock import ClockDep
from district.database import DbSession
from district.gateways import self_test, service
from district.gateways.models import RedirectEvent
from district.gateways.routes import portal_url
from district.gateways.self_test import State
from district.web.language import gettext as _
from district.web.operator_redirect_words import redirect_words
from district.web.operator_shell import machine_ago, waiting
from district.web.operator_vendors import NAMES
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
TONES = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.PROBLEM: "red",
    State.UNKNOWN: "gray",
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A redirect and its fields."""

    event: RedirectEvent
    fields: list[tuple[str, str]]


@router.get("/operator/gateways/{slug}/self-test")
def page(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep
) -> HTMLResponse:
    """Checks first, then the last redirects."""
    row = service.get(session, operator.district.id, slug)
    url = portal_url(request, row)
    request.app.state.later.flush()
    facts = self_test.facts_of(session, row, portal_url=url)
    return render(
        request,
        "operator/self_test.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        gateway=row,
        vendor_name=NAMES.get(row.vendor, row.vendor),
        url=url,
        checks=self_test.checks(facts, machine_now=clock.machine_now()),
        redirects=[_shown(event) for event in facts.events],
        tones=TONES,
        check_names=check_names,
        state_names=state_names,
        outcome_names=outcome_names,
        redirect_words=redirect_words,
        machine_ago=machine_ago(clock),
    )


def _shown(event: RedirectEvent) -> Shown:
    fields = [line.partition("=") for line in event.shown.splitlines()]
    return Shown(event=event, fields=[(name, value) for name, _mark, value in fields])


def check_names() -> dict[str, str]:
    """What was looked at, in words."""
    return {
        "redirects": _("Redirects come in"),
        "clock": _("The gateway's clock"),
        "signature": _("Signature and secret"),
        "allow_lists": _("Allow-lists"),
        "controller": _("The controller"),
        "radius": "RADIUS",
        "polling": _("Fetching who may pass"),
        "https": "https",
    }


def state_names() -> dict[str, str]:
    """How a check stands, in words."""
    return {
        State.OK: _("in order"),
        State.WARNING: _("look at it"),
        State.PROBLEM: _("problem"),
        State.UNKNOWN: _("not known yet"),
    }


def outcome_names() -> dict[str, tuple[str, str]]:
    """What became of a redirect, in words and as a colour."""
    return {
        "shown": (_("Page shown"), "blue"),
        "let_in": (_("Let in"), "green"),
        "waiting": (_("Waits for the gateway"), "yellow"),
        "refused": (_("Refused"), "red"),
        "failed": (_("Controller refused"), "red"),
    }
