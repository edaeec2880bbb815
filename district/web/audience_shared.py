"""What the pages of segments, tags and lists share: names that rules can write, and what was removed."""

import re
import secrets
import uuid
from collections.abc import Set
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from district.audiences import ownership, removed
from district.audiences.models import ContactList, Segment, Tag
from district.audiences.ownership import Owned
from district.clock import ClockDep
from district.database import DbSession
from district.problems import Conflict, NotFound
from district.web.explained import explained
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, not_found, show
from district.web.security import require_own_form
from district.web.staff import Staff
from push.audience_terms import LabelKind
from push.wording import clean

router = APIRouter()
PAGE = "/merchant/audience"
OWN_FORM = [Depends(require_own_form)]
LONGEST_NAME = 40
RESERVED = frozenset({"new", "count"})
"""Addresses of pages beside those of single segments."""
ADDRESSES = {
    LabelKind.SEGMENT: PAGE,
    LabelKind.TAG: f"{PAGE}/tags",
    LabelKind.LIST: f"{PAGE}/lists",
}


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What was removed a moment ago and can be brought back."""

    kind: LabelKind
    id: uuid.UUID


def removed_of(kind: str, id_: str) -> Removed | None:
    """What the address says; None where it says nothing that can be."""
    try:
        return Removed(kind=LabelKind(kind), id=uuid.UUID(id_))
    except ValueError:
        return None


def names_taken(
    session: Session, table: type[Tag] | type[ContactList] | type[Segment], here: Staff
) -> frozenset[str]:
    """The merchant's names of this kind."""
    own = ownership.owned(table, here.district.id, ownership.owner_of(here.principal))
    return frozenset(row.name for row in session.scalars(own))


def kept_apart(title: str, taken: Set[str]) -> str:
    """A name for rules, made of the title, that is not taken; of a title without Latin letters, a random one."""
    plain = re.sub(r"[^a-z0-9]+", "-", clean(title).casefold()).strip("-")[:LONGEST_NAME].strip("-")
    wanted = plain or f"set-{secrets.token_hex(3)}"
    name, number = wanted, 2
    while name in taken | RESERVED:
        name, number = f"{wanted}-{number}", number + 1
    return name


@router.post(f"{PAGE}/remove", dependencies=OWN_FORM)
def remove(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    kind: Annotated[LabelKind, Form()],
    name: Annotated[str, Form(max_length=80)],
) -> Response:
    """Take it away, unless rules name it; the next page offers to bring it back."""
    address = ADDRESSES[kind]
    try:
        row_id = removed.put_aside(session, here.district, here.principal, kind, name, clock=clock)
    except NotFound:
        return not_found(request, here, clock)
    except Conflict as refused:
        return _refused(request, here, clock, kind, refused)
    return RedirectResponse(f"{address}?said=removed&kind={kind.value}&row={row_id}", HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/bring-back", dependencies=OWN_FORM)
def bring_back(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    kind: Annotated[LabelKind, Form()],
    row: Annotated[uuid.UUID, Form()],
) -> Response:
    """As it was, if it is there still."""
    try:
        removed.bring_back(session, here.district, here.principal, kind, row)
    except (NotFound, Conflict) as refused:
        return _refused(request, here, clock, kind, refused)
    return RedirectResponse(f"{ADDRESSES[kind]}?said=back", HTTPStatus.SEE_OTHER)


def _refused(
    request: Request, here: Staff, clock: ClockDep, kind: LabelKind, error: NotFound | Conflict
) -> Response:
    return show(
        request,
        here,
        clock,
        "merchant/audience_refused.html",
        status=error.status,
        words=explained(error, negotiate(request)),
        back=ADDRESSES[kind],
    )


def own_sets(session: Session, here: Staff, table: type[Owned]) -> list[Owned]:
    """The merchant's own sets of a kind, by their titles."""
    own = ownership.owned(table, here.district.id, ownership.owner_of(here.principal))
    return list(session.scalars(own.order_by(table.title, table.name)))
