"""Following stores by a heart on shoppers' pages, and what those pages note of members who agreed to it."""

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypeVar

import structlog
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from district.audiences import follows, timeline
from district.auth.models import Role
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo
from district.web.login import safe_next
from district.web.member_shell import ReaderDep, show_join
from district.web.security import require_own_form
from push.audience_terms import EventKind

router = APIRouter()
T = TypeVar("T")
log = structlog.get_logger()


@router.post("/d/{slug}/stores/{store_id}/follow", dependencies=[Depends(require_own_form)])
def press(
    slug: str,
    store_id: uuid.UUID,
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    is_on: Annotated[str, Form(alias="on", max_length=1)] = "1",
    back: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Follow a store or stop, and go back to the page of the heart."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    if is_on == "1":
        follows.follow(session, reader.district.id, reader.member_id, store_id, clock=clock)
    else:
        follows.unfollow(session, reader.district.id, reader.member_id, store_id)
    list_page = safe_next(back) if back.startswith(f"/d/{slug}/nearest") else ""
    return RedirectResponse(list_page or f"/d/{slug}/stores/{store_id}", HTTPStatus.SEE_OTHER)


def member_of(caller: Principal | None, district: DistrictInfo) -> uuid.UUID | None:
    """The member of this district who reads the page; None for anybody else."""
    is_own = caller is not None and caller.role is Role.SHOPPER and caller.district_id == district.id
    return caller.subject_id if caller is not None and is_own else None


def hearts(request: Request, caller: Principal | None, district: DistrictInfo) -> frozenset[str] | None:
    """The ids of the stores that the reader follows; None for who is no member, or with the database away."""
    member_id = member_of(caller, district)
    if member_id is None:
        return None
    return _tried(
        request,
        lambda session: frozenset(
            str(row.store_id) for row in follows.followed(session, district.id, member_id)
        ),
    )


def note_view(
    request: Request, caller: Principal | None, district: DistrictInfo, store_id: str, clock: Clock
) -> None:
    """Keep that a member looked at a store, if he agrees to it."""
    _note(request, caller, district, EventKind.STORE_VIEW, clock, store_id=uuid.UUID(store_id))


def note_search(
    request: Request, caller: Principal | None, district: DistrictInfo, words: str, found: int, clock: Clock
) -> None:
    """Keep what a member searched for and how much there was, if he agrees to it."""
    if timeline.normal(words):
        _note(request, caller, district, EventKind.SEARCH, clock, words=words, found=found)


def _note(
    request: Request,
    caller: Principal | None,
    district: DistrictInfo,
    kind: EventKind,
    clock: Clock,
    *,
    store_id: uuid.UUID | None = None,
    words: str = "",
    found: int | None = None,
) -> None:
    member_id = member_of(caller, district)
    if member_id is not None:
        _tried(
            request,
            lambda session: timeline.record(
                session,
                district.id,
                member_id,
                kind,
                at=clock.now(),
                store_id=store_id,
                words=words,
                found=found,
            ),
        )


def _tried(request: Request, work: Callable[[Session], T]) -> T | None:
    """A page does without what the database cannot say or keep now."""
    try:
        with request.app.state.sessions.begin() as session:
            return work(session)
    except (OperationalError, PoolTimeout) as error:
        log.warning("shopper_page.without_database", error=type(error).__name__)
        return None
