"""What holds for all campaigns: the operator changes it, sees what would change before it is saved, and can take it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from babel.numbers import get_currency_precision
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo
from district.offers import model_answers, policy_service
from district.offers.policies import DEFAULT, Policy
from district.offers.policy_schemas import PolicyChange
from district.problems import Conflict
from district.web.language import negotiate
from district.web.marketing_words import GROUPS, Kind, in_words
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, scaled, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/marketing"
KINDS: Mapping[str, Kind] = {name: kind for _group, names in GROUPS for name, kind in names}


class Doing(StrEnum):
    """What the form was sent for."""

    LOOK = "look"
    SAVE = "save"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that would change, or did."""

    name: str
    before: int | None
    after: int | None


@router.get(PAGE)
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """What holds now."""
    standing = policy_service.read(session, operator.district.id)
    return _page(request, operator, session, clock, filled=_sent_of(standing, operator.district))


@router.post(PAGE, dependencies=[Depends(require_own_form)])
def change(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> HTMLResponse:
    """Say what would change; change it when that was confirmed."""
    before = policy_service.read(session, operator.district.id)
    try:
        wanted = PolicyChange.model_validate(_document(sent, operator.district))
        if sent.one("then") != Doing.SAVE:
            differences = _differences(before, wanted.changes())
            return _page(
                request, operator, session, clock, filled=sent, differences=differences, is_asked=True
            )
        with session.begin_nested():
            after = policy_service.change(
                session, operator.district, wanted.changes(), version=wanted.version, clock=clock
            )
    except (ValidationError, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, wrong=wrong)
    return _page(
        request,
        operator,
        session,
        clock,
        filled=_sent_of(after, operator.district),
        differences=_differences(before, after.values()),
        undo=_sent_of(before.changed({"version": after.version}), operator.district),
    )


def _differences(before: Policy, after: Mapping[str, int | None]) -> list[Difference]:
    standing = before.values()
    return [
        Difference(name=name, before=standing[name], after=after[name])
        for name in KINDS
        if name in after and standing[name] != after[name]
    ]


def _document(sent: Sent, district: DistrictInfo) -> dict[str, Any]:
    """The body that the interface would take; a clock time as minutes, an amount in minor units."""
    values: dict[str, Any] = {"version": sent.one("version")}
    for name, kind in KINDS.items():
        typed = sent.one(name)
        match kind:
            case Kind.TIME:
                values[name] = _minutes(typed)
            case Kind.AMOUNT:
                values[name] = scaled(typed, 10 ** get_currency_precision(district.currency))
            case _:
                values[name] = typed or None
    return values


def _minutes(typed: str) -> int | str:
    hours, _colon, minutes = typed.partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes[:2].isascii() and minutes[:2].isdigit()):
        return typed
    return int(hours[:3]) * 60 + int(minutes[:2])


def _sent_of(policy: Policy, district: DistrictInfo) -> Sent:
    """The form of what holds."""
    digits = get_currency_precision(district.currency)
    values = {"version": (str(policy.version),)}
    for name, value in policy.values().items():
        match KINDS.get(name), value:
            case _, None:
                values[name] = ("",)
            case Kind.TIME, int(minutes):
                values[name] = (f"{minutes // 60:02d}:{minutes % 60:02d}",)
            case Kind.AMOUNT, int(minor):
                values[name] = (f"{minor / 10**digits:.{digits}f}",)
            case _, plain:
                values[name] = (str(plain),)
    return Sent(values=values)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    differences: Sequence[Difference] = (),
    is_asked: bool = False,
    undo: Sent | None = None,
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    district = operator.district
    return render(
        request,
        "operator/marketing.html",
        shell=operator.shell(request, badges=waiting(session, district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        groups=GROUPS,
        kinds=Kind,
        words=in_words,
        filled=filled,
        differences=differences,
        is_asked=is_asked,
        undo=undo,
        wrong=wrong,
        default=_sent_of(DEFAULT, district),
        model=model_answers.of(policy_service.newest_model(session, district.id)),
    )
