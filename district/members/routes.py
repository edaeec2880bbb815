"""Operators' interface to members: proof of consents, merging, and alarms."""

import uuid
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep
from district.members import alarms, ledger, merging
from district.members.models import Alarm, Member, MemberMerge
from district.members.schemas import ConsentProof, proof_answer
from district.problems import NotFound
from push.consent import Purpose

router = APIRouter(prefix="/v1/districts/{d}", tags=["members"])


class AlarmView(BaseModel):
    """Something to look at."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    kind: str
    subject: str
    """What it is about; a device by its pseudonym."""
    detail: dict[str, Any]
    at: datetime
    last_at: datetime
    times: int
    seen_at: datetime | None


class NewMerge(BaseModel):
    """Two memberships of one person, and how that is known."""

    model_config = ConfigDict(extra="forbid")

    kept_id: uuid.UUID
    merged_id: uuid.UUID
    reason: Annotated[
        str,
        StringConstraints(
            min_length=3, max_length=300, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"
        ),
    ]


class MergeView(BaseModel):
    """A merge; ``moved`` is how many rows of each kind."""

    id: uuid.UUID
    kept_id: uuid.UUID
    merged_id: uuid.UUID
    reason: str
    by: str
    at: datetime
    undone_at: datetime | None
    moved: dict[str, int]
    withdrawn: list[str] = Field(description="Purposes that the merge took back")


def _view(row: MemberMerge) -> MergeView:
    return MergeView(
        id=row.id,
        kept_id=row.kept_id,
        merged_id=row.merged_id,
        reason=row.reason,
        by=row.moved.get("by", ""),
        at=row.at,
        undone_at=row.undone_at,
        moved={name: len(keys) for name, keys in row.moved.get("rows", {}).items() if keys},
        withdrawn=[one["purpose"] for one in row.moved.get("withdrawn", [])],
    )


@router.get("/members/{member_id}/consents/{purpose}/proof")
def proof(
    member_id: uuid.UUID, purpose: Purpose, principal: Operator, district: DistrictDep, session: DbSession
) -> ConsentProof:
    """All that a member said to one purpose, with the words that were shown; of a closed membership, too."""
    if session.get(Member, (district.id, member_id)) is None:
        raise NotFound("No such member.")
    found, check = ledger.proofs(session, district.id, member_id, purpose)
    return proof_answer(purpose, found, check)


@router.post("/member-merges", status_code=HTTPStatus.CREATED, response_model=MergeView)
def merge(
    new: NewMerge,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Make two memberships one; no consent widens, and it can be undone."""

    def make() -> MergeView:
        row = merging.merge(
            session,
            district,
            kept_id=new.kept_id,
            merged_id=new.merged_id,
            reason=new.reason,
            clock=clock,
        )
        row.moved = row.moved | {"by": principal.name}
        session.flush()
        return _view(row)

    once = idempotency.Request(principal=principal, path=request.url.path, key=key, body=new)
    return idempotency.once(session, once, make, machine_now=clock.machine_now())


@router.get("/member-merges")
def merges(principal: Operator, district: DistrictDep, session: DbSession, at: PlaceDep) -> Page[MergeView]:
    """Merges, who made them and why, the oldest first."""
    rows = merging.listed(district.id)
    return paging.read(session, rows, MemberMerge.id, at, _view)


@router.post("/member-merges/{merge_id}/undo")
def undo(
    merge_id: uuid.UUID, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> MergeView:
    """Make them two again, each with what was its own."""
    row = merging.undo(session, district, merge_id, clock=clock)
    row.moved = row.moved | {"undone_by": principal.name}
    session.flush()
    return _view(row)


@router.get("/alarms")
def list_alarms(
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    at: PlaceDep,
    is_open: Annotated[bool, Query(alias="open", description="Only those that nobody has looked at")] = True,
) -> Page[AlarmView]:
    """Alarms, the oldest first; one open alarm for one trouble."""
    rows = alarms.listed(district.id, is_open=is_open)
    return paging.read(session, rows, Alarm.id, at, AlarmView.model_validate)


@router.post("/alarms/{alarm_id}/seen")
def see(
    alarm_id: uuid.UUID, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> AlarmView:
    """Say that somebody has looked at it."""
    return AlarmView.model_validate(alarms.see(session, district.id, alarm_id, now=clock.now()))
