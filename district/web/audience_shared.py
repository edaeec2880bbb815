"""What the pages of segments, tags and lists share: names that rules can write, and what was removed."""

import re
import secrets
import uuid
from collections.abc import Set
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response

from district.audiences import removed
from district.problems import Conflict, NotFound
from district.web.audience_desk import AtDesk, SetsDesk, in_both_consoles
from district.web.security import require_own_form
from push.audience_terms import LabelKind
from push.wording import clean

pages = APIRouter()
OWN_FORM = [Depends(require_own_form)]
LONGEST_NAME = 40
RESERVED = frozenset({"new", "count"})
"""Addresses of pages beside those of single segments."""
PATHS = {LabelKind.SEGMENT: "", LabelKind.TAG: "/tags", LabelKind.LIST: "/lists"}


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


def kept_apart(title: str, taken: Set[str]) -> str:
    """A name for rules, made of the title, that is not taken; of a title without Latin letters, a random one."""
    plain = re.sub(r"[^a-z0-9]+", "-", clean(title).casefold()).strip("-")[:LONGEST_NAME].strip("-")
    wanted = plain or f"set-{secrets.token_hex(3)}"
    name, number = wanted, 2
    while name in taken | RESERVED:
        name, number = f"{wanted}-{number}", number + 1
    return name


@pages.post("/remove", dependencies=OWN_FORM)
def remove(
    at: AtDesk,
    kind: Annotated[LabelKind, Form()],
    name: Annotated[str, Form(max_length=80)],
) -> Response:
    """Take it away, unless rules name it; the next page offers to bring it back."""
    try:
        row_id = removed.put_aside(at.session, at.district, at.principal, kind, name, clock=at.clock)
    except NotFound:
        return at.not_found()
    except Conflict as refused:
        return _refused(at, kind, refused)
    return at.to(f"{PATHS[kind]}?said=removed&kind={kind.value}&row={row_id}")


@pages.post("/bring-back", dependencies=OWN_FORM)
def bring_back(at: AtDesk, kind: Annotated[LabelKind, Form()], row: Annotated[uuid.UUID, Form()]) -> Response:
    """As it was, if it is there still."""
    try:
        removed.bring_back(at.session, at.district, at.principal, kind, row)
    except (NotFound, Conflict) as refused:
        return _refused(at, kind, refused)
    return at.to(f"{PATHS[kind]}?said=back")


def _refused(at: SetsDesk, kind: LabelKind, error: NotFound | Conflict) -> Response:
    return at.show(
        "audience/refused.html", status=error.status, words=at.words(error), back=at.address + PATHS[kind]
    )


router = in_both_consoles(pages)
