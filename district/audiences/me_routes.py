"""What a member follows, and his timeline."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from district.audiences import follows, timeline
from district.audiences.schemas import EventOut, EventPage, FollowOut
from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbSession
from district.members import service as members
from district.members.models import Member
from district.problems import NotAuthenticated, NotFound

router = APIRouter(prefix="/v1/me", tags=["members"])
PRIVATE = {"Cache-Control": "no-store"}


def _self(session: Session, principal: Shopper) -> Member:
    """Raises: NotAuthenticated when the membership has ended."""
    try:
        return members.get(session, principal.district_id, principal.subject_id)
    except NotFound as error:
        raise NotAuthenticated("This membership has ended.") from error


@router.get("/follows")
def read_follows(principal: Shopper, session: DbSession, response: Response) -> list[FollowOut]:
    """The stores that the caller follows, the newest first."""
    member = _self(session, principal)
    response.headers.update(PRIVATE)
    rows = follows.followed(session, principal.district_id, member.id)
    return [FollowOut(store_id=row.store_id, at=row.at) for row in rows]


@router.put("/follows/{store_id}")
def follow(store_id: uuid.UUID, principal: Shopper, session: DbSession, clock: ClockDep) -> FollowOut:
    """Follow a store; again changes nothing."""
    member = _self(session, principal)
    row = follows.follow(session, principal.district_id, member.id, store_id, clock=clock)
    return FollowOut(store_id=row.store_id, at=row.at)


@router.delete("/follows/{store_id}", status_code=204)
def unfollow(store_id: uuid.UUID, principal: Shopper, session: DbSession) -> Response:
    """Stop following a store; not having followed it is no error."""
    member = _self(session, principal)
    follows.unfollow(session, principal.district_id, member.id, store_id)
    return Response(status_code=204)


@router.get("/timeline")
def read_timeline(
    principal: Shopper,
    session: DbSession,
    response: Response,
    before: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EventPage:
    """What is kept of the caller's searches, views, follows, claims and purchases, the newest first."""
    member = _self(session, principal)
    response.headers.update(PRIVATE)
    rows = timeline.page(session, principal.district_id, member.id, before=before, limit=limit + 1)
    items = [EventOut(**row) for row in rows[:limit]]
    return EventPage(
        is_kept=timeline.is_kept(session, principal.district_id, member.id),
        items=items,
        next=items[-1].id if len(rows) > limit else None,
    )
