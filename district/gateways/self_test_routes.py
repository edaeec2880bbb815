"""Operators' interface to a gateway's self-test."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.gateways import self_test, service
from district.gateways.routes import portal_url
from district.gateways.self_test import State

router = APIRouter(prefix="/v1/districts/{d}/gateways", tags=["gateways"])


class CheckAnswer(BaseModel):
    """One thing that was looked at, in both languages."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    state: State
    detail: str
    detail_zh: str


class RedirectAnswer(BaseModel):
    """One redirect and what became of it."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    outcome: str
    """shown, let_in, refused, waiting, failed."""
    detail: str
    """What was wrong, and what to do."""
    shown: str
    """Its fields, one a line; secrets and device addresses are shortened."""


class SelfTestAnswer(BaseModel):
    """How a gateway does."""

    gateway: str
    checked_at: datetime
    """Machine time."""
    checks: list[CheckAnswer]
    redirects: list[RedirectAnswer]
    """The last 50, the newest first."""


@router.get("/{slug}/self-test")
def get(
    slug: str,
    request: Request,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> SelfTestAnswer:
    """What came of a gateway's last redirects, and what to do about it."""
    row = service.get(session, district.id, slug)
    request.app.state.later.flush()
    facts = self_test.facts_of(session, row, portal_url=portal_url(request, row))
    machine_now = clock.machine_now()
    found = self_test.checks(facts, machine_now=machine_now)
    return SelfTestAnswer(
        gateway=row.slug,
        checked_at=machine_now,
        checks=[CheckAnswer.model_validate(one) for one in found],
        redirects=[RedirectAnswer.model_validate(one) for one in facts.events],
    )
