"""Lock-outs of tills and coupons: what is locked, since when and until when, and the button that opens it."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.problems import NotFound
from district.redemptions import locks
from district.redemptions.lock_schemas import LockId, LockKind
from district.web.formats import duration
from district.web.language import gettext as _
from district.web.operator_shell import machine_ago, waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/locks"
OWN_FORM = [Depends(require_own_form)]
HEAD = ("id", "kind", "name", "place", "tries", "most", "since", "until", "lifted_by")


@router.get(PAGE)
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    said: Annotated[str, Query(max_length=10)] = "",
    lock: Annotated[LockId | None, Query()] = None,
) -> HTMLResponse:
    """What is locked, and what was opened before its time."""
    found = locks.standing(session, operator.district.id, clock=clock)
    may_undo = lock is not None and any(
        one.id == lock and one.until > clock.machine_now() for one in found.lifted
    )
    return render(
        request,
        "operator/locks.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        locks=found.items,
        lifted=found.lifted,
        most_shown=locks.MOST_SHOWN,
        kinds=kinds,
        ago=machine_ago(clock),
        wait=_wait(clock),
        said=said,
        undo=lock if may_undo else None,
    )


@router.get(f"{PAGE}.csv")
def as_file(operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """What is locked, then what was lifted, with who did it."""
    found = locks.standing(session, operator.district.id, clock=clock)
    locked = [
        (
            one.id,
            one.kind,
            one.name["en"],
            one.place["en"],
            one.tries,
            one.most,
            one.since.isoformat(),
            one.until.isoformat(),
            "",
        )
        for one in found.items
    ]
    lifted = [
        (
            one.id,
            one.kind,
            one.name["en"],
            one.place["en"],
            one.tries,
            "",
            one.since.isoformat(),
            one.until.isoformat(),
            one.lifted_by or str(one.account_id),
        )
        for one in found.lifted
    ]
    return csv_answer([HEAD, *locked, *lifted], f"locks-{operator.district.slug}.csv")


@router.post(PAGE + "/{lock_id}/lift", dependencies=OWN_FORM)
def lift(lock_id: LockId, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """Open it; what has opened by itself meanwhile is no fault."""
    try:
        locks.lift(session, operator.principal, locks.of_lock(lock_id), clock=clock)
    except NotFound:
        return RedirectResponse(f"{PAGE}?said=open", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{PAGE}?said=lifted&lock={lock_id}", HTTPStatus.SEE_OTHER)


@router.post(PAGE + "/{lock_id}/again", dependencies=OWN_FORM)
def lock_again(lock_id: LockId, operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """Take the lifting back."""
    is_locked = locks.lock_again(session, operator.principal, locks.of_lock(lock_id), clock=clock)
    return RedirectResponse(f"{PAGE}?said={'again' if is_locked else 'open'}", HTTPStatus.SEE_OTHER)


def kinds() -> dict[LockKind, tuple[str, str]]:
    """What is locked, and why."""
    return {
        LockKind.TILL: (_("Till"), _("unknown codes")),
        LockKind.KEY: (_("Key of all stores"), _("unknown codes")),
        LockKind.COUPON: (_("Coupon"), _("refused codes")),
        LockKind.NUMBERS: (_("Coupon"), _("wrong till numbers typed")),
    }


def _wait(clock: Clock) -> Callable[[datetime], str]:
    """How long it is until a machine time; the page's own clock is business time."""
    machine_now = clock.machine_now()
    return lambda at: duration(at - machine_now)
