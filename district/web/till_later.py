"""What tills brought in later, for the shop whose tills they are and for the operator, who sets what tills may do."""

import uuid
from http import HTTPStatus
from typing import Annotated

from babel.numbers import get_currency_precision
from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import Conflict, Invalid, NotFound
from district.redemptions import offline_policies, offline_reading
from district.redemptions.offline_models import Bearer, Outcome
from district.redemptions.offline_reading import PAGE, Named, Wanted
from district.redemptions.offline_schemas import OfflinePolicyBody, TillLimits
from district.redemptions.schemas import MOST_MINOR
from district.stores import tills
from district.stores.models import Till
from district.web.explained import explained
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, not_found, show
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from district.web.till_outcomes import BillWrong, bill_minor
from district.web.till_words import reason_texts

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
Which = Annotated[str, Query(max_length=20)]
MOST_USES = 10_000
LONGEST_LIST_H = 7 * 24
MOST_TILLS = 200
Typed = Annotated[str, Form(max_length=20)]


def _wanted(which: str, after: uuid.UUID | None) -> Wanted:
    """What a tab of the page shows; of what is none everything."""
    outcomes = {one.value: one for one in Outcome}
    return Wanted(outcome=outcomes.get(which), is_charged=which == "charged", after=after)


def _next(found: list[Named]) -> uuid.UUID | None:
    return found[-1].entry.id if len(found) == PAGE else None


def _csv(here: Staff, session: Session, which: str) -> Response:
    return Response(
        offline_reading.as_csv(session, here.principal, _wanted(which, None)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="offline.csv"', "Cache-Control": "no-store"},
    )


def _merchants_page(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    *,
    which: str = "",
    after: uuid.UUID | None = None,
    error: str = "",
) -> Response:
    found = offline_reading.listed(session, here.principal, _wanted(which, after))
    own = session.scalars(
        tills.seen_by(here.principal, here.district).order_by(Till.name, Till.id).limit(MOST_TILLS)
    ).all()
    return show(
        request,
        here,
        clock,
        "merchant/later.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        entries=found,
        next=_next(found),
        which=which,
        tills=[(one, offline_policies.limits_of(session, one)) for one in own],
        policy=offline_policies.read(session, here.district.id),
        digits=get_currency_precision(here.district.currency),
        reason_texts=reason_texts,
        error=error,
    )


@router.get("/merchant/redeem/later")
def show_later(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    which: Which = "",
    after: uuid.UUID | None = None,
) -> Response:
    """What the own tills took without a line, what became of it, and how much each may take."""
    return _merchants_page(request, here, session, clock, which=which, after=after)


@router.get("/merchant/redeem/later.csv")
def later_csv(here: MerchantStaff, session: DbSession, which: Which = "") -> Response:
    """The same as CSV."""
    return _csv(here, session, which)


@router.post("/merchant/redeem/later/{till_id}", dependencies=[Depends(require_own_form)])
def set_limits(
    till_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    uses: Typed = "",
    amount: Typed = "",
) -> Response:
    """Bound one till more narrowly than the operator does; empty fields: no narrower."""
    try:
        till = tills.found(session, here.principal, here.district, till_id)
        minor = bill_minor(amount, here.district.currency)
        limits = TillLimits(most_uses=_whole(uses, 0, MOST_USES) if uses.strip() else None, most_minor=minor)
        offline_policies.set_limits(session, till, limits)
    except NotFound:
        return not_found(request, here, clock)
    except BillWrong:
        wrong = Invalid("Write whole numbers and amounts of money.", detail_zh="请填写整数和金额。")
        return _merchants_page(request, here, session, clock, error=explained(wrong, negotiate(request)))
    except Invalid as error:
        return _merchants_page(request, here, session, clock, error=explained(error, negotiate(request)))
    return RedirectResponse("/merchant/redeem/later", HTTPStatus.SEE_OTHER)


def _operators_page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    which: str = "conflict",
    after: uuid.UUID | None = None,
    error: str = "",
    failed: int = HTTPStatus.OK,
) -> Response:
    found = offline_reading.listed(session, operator.principal, _wanted(which, after))
    return render(
        request,
        "operator/offline.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=failed,
        entries=found,
        next=_next(found),
        which=which,
        policy=offline_policies.read(session, operator.district.id),
        digits=get_currency_precision(operator.district.currency),
        reason_texts=reason_texts,
        error=error,
    )


@router.get("/operator/offline")
def show_conflicts(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    which: Which = "conflict",
    after: uuid.UUID | None = None,
) -> Response:
    """Conflicts of tills without a line, and what such tills may do."""
    return _operators_page(request, operator, session, clock, which=which, after=after)


@router.get("/operator/offline.csv")
def conflicts_csv(operator: Operator, session: DbSession, which: Which = "conflict") -> Response:
    """The same as CSV."""
    return _csv(operator, session, which)


@router.post("/operator/offline", dependencies=[Depends(require_own_form)])
def set_policy(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    version: Annotated[int, Form(ge=0, le=2**31 - 2)],
    bearer: Annotated[Bearer, Form()],
    value: Typed = "",
    uses: Typed = "",
    amount: Typed = "",
    hours: Typed = "",
) -> Response:
    """Set what tills may do without a line."""
    currency = operator.district.currency
    try:
        wanted = OfflinePolicyBody(
            version=version,
            most_value_minor=_amount(value, currency),
            most_uses=_whole(uses, 0, MOST_USES),
            most_minor=_amount(amount, currency),
            list_age_s=_whole(hours, 1, LONGEST_LIST_H) * 3600,
            conflicts_borne_by=bearer,
        )
        offline_policies.change(session, operator.district, wanted, clock=clock)
    except BillWrong:
        wrong = Invalid("Write whole numbers and amounts of money.", detail_zh="请填写整数和金额。")
        return _refused(request, operator, session, clock, wrong)
    except Conflict:
        stale = Conflict(
            "Somebody else changed it meanwhile: this is how it stands now.",
            detail_zh="设置已被他人修改，以下为当前值。",
        )
        return _refused(request, operator, session, clock, stale)
    return RedirectResponse("/operator/offline", HTTPStatus.SEE_OTHER)


def _refused(
    request: Request, operator: Staff, session: Session, clock: Clock, why: Invalid | Conflict
) -> Response:
    return _operators_page(
        request,
        operator,
        session,
        clock,
        error=explained(why, negotiate(request)),
        failed=why.status,
    )


def _amount(typed: str, currency: str) -> int:
    """Raises: BillWrong."""
    minor = bill_minor(typed, currency)
    if minor is None or minor > MOST_MINOR:
        raise BillWrong
    return minor


def _whole(typed: str, least: int, most: int) -> int:
    """Raises: BillWrong."""
    text = typed.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        raise BillWrong
    if not least <= int(text) <= most:
        raise BillWrong
    return int(text)
