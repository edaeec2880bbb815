"""Operators' interface to plans: what a login may use."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.creating import CreatingDep
from district.auth.principals import Operator
from district.clock import Clock, ClockDep
from district.database import DbSession, new_id
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import SLUG_PATTERN, DistrictDep
from district.gateways import plan_changes
from district.gateways.models import Plan
from district.problems import Conflict, NotFound

router = APIRouter(prefix="/v1/districts/{d}/plans", tags=["gateways"])

DAY_S = 86_400
MOST_KBPS = 4_000_000
"""RADIUS tells bits a second in 32 bits."""
MOST_KIB = 1 << 40

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
Name = Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$", strip_whitespace=True)]
Seconds = Annotated[int, Field(ge=60, le=30 * DAY_S)]
DaySeconds = Annotated[int, Field(ge=60, le=DAY_S)]
Rate = Annotated[int, Field(ge=16, le=MOST_KBPS)]
Volume = Annotated[int, Field(ge=1, le=MOST_KIB)]
Devices = Annotated[int, Field(ge=1, le=100)]


class PlanLimits(BaseModel):
    """Limits; null is none."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    session_s: Seconds | None = None
    idle_s: DaySeconds | None = None
    down_kbps: Rate | None = None
    up_kbps: Rate | None = None
    volume_kib: Volume | None = None
    """Of one session, both directions together."""
    devices: Devices | None = None
    """On line at once."""
    daily_s: DaySeconds | None = None
    """Per member and trading day."""
    daily_kib: Volume | None = None


class NewPlan(PlanLimits):
    """A plan to make."""

    slug: Slug


class PlanView(PlanLimits):
    """A plan as it stands."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)

    id: uuid.UUID
    slug: str


def view(row: Plan) -> PlanView:
    """A plan as operators see it."""
    return PlanView.model_validate(row)


def find(session: Session, district_id: uuid.UUID, slug: str) -> Plan:
    """Raises: NotFound."""
    row = session.scalar(select(Plan).where(Plan.district_id == district_id, Plan.slug == slug))
    if row is None:
        raise NotFound(f"No plan {slug!r}.")
    return row


def make(session: Session, district_id: uuid.UUID, new: NewPlan, *, clock: Clock) -> Plan:
    """Raises: Conflict when the slug is taken."""
    taken = select(Plan.id).where(Plan.district_id == district_id, Plan.slug == new.slug)
    if session.scalar(taken) is not None:
        raise Conflict(f"There is a plan {new.slug!r} already.")
    row = Plan(district_id=district_id, id=new_id(), created_at=clock.now(), **new.model_dump())
    session.add(row)
    session.flush()
    return row


@router.post("", status_code=HTTPStatus.CREATED, response_model=PlanView)
def create(new: NewPlan, operator: Operator, district: DistrictDep, creating: CreatingDep) -> JSONResponse:
    """Make a plan."""
    return creating.once(
        operator,
        new,
        lambda: view(make(creating.session, district.id, new, clock=creating.clock)),
    )


@router.get("")
def list_(operator: Operator, district: DistrictDep, session: DbSession, at: PlaceDep) -> Page[PlanView]:
    """The district's plans."""
    return paging.read(session, select(Plan).where(Plan.district_id == district.id), Plan.id, at, view)


@router.get("/{slug}")
def get(slug: str, operator: Operator, district: DistrictDep, session: DbSession) -> PlanView:
    """One plan."""
    return view(find(session, district.id, slug))


@router.patch("/{slug}")
def change(
    slug: str,
    changed: PlanLimits,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> PlanView:
    """Change a plan; what is left out stays, null takes a limit away. Running sessions are told by RADIUS (CoA)."""
    row = find(session, district.id, slug)
    plan_changes.apply(session, row, changed.model_dump(exclude_unset=True), clock=clock)
    return view(row)


@router.delete("/{slug}", status_code=HTTPStatus.NO_CONTENT)
def remove(slug: str, operator: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Delete a plan that nothing uses."""
    paging.delete(session, find(session, district.id, slug), "plan")
    return Response(status_code=HTTPStatus.NO_CONTENT)
