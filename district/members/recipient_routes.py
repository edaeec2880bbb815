"""Operators' interface to the list of those who receive data of members."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.members import recipients
from district.members.recipients import Recipients
from district.members.terms import Recipient

router = APIRouter(prefix="/v1/districts/{d}/recipients", tags=["members"])
Words = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


class InBoth(BaseModel):
    """The same in both languages."""

    model_config = ConfigDict(extra="forbid")

    en: Words
    zh: Words


class RecipientBody(BaseModel):
    """Whom data go to, which, and why."""

    model_config = ConfigDict(extra="forbid")

    name: InBoth
    data: InBoth
    why: InBoth

    def value(self) -> Recipient:
        """As the slice has it."""
        return Recipient(**self.model_dump())


class NewRecipients(BaseModel):
    """The list from now on."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(ge=0, le=1_000_000)
    """The version that this one replaces."""
    recipients: Annotated[list[RecipientBody], Field(min_length=1, max_length=40)]


class RecipientsView(BaseModel):
    """A version of the list."""

    version: int
    """0: the list that comes with the product."""
    sha256: str
    recipients: list[RecipientBody]
    changed_at: datetime | None
    changed_by: str


def view_of(found: Recipients) -> RecipientsView:
    """A version as programs see it."""
    return RecipientsView(
        version=found.version,
        sha256=found.hash.hex(),
        recipients=[
            RecipientBody.model_validate({"name": one.name, "data": one.data, "why": one.why})
            for one in found.recipients
        ],
        changed_at=found.changed_at,
        changed_by=found.changed_by,
    )


@router.get("")
def get(
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    version: Annotated[int | None, Query(ge=0, le=1_000_000)] = None,
) -> RecipientsView:
    """The list in force, or an earlier version, as consents name it."""
    if version is None:
        return view_of(recipients.current(session, district.id))
    return view_of(recipients.find(session, district.id, version))


@router.put("")
def put(
    body: NewRecipients, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> RecipientsView:
    """Write a new version; the ones before stay, for whoever agreed while they stood."""
    found = recipients.replace(
        session,
        district,
        [one.value() for one in body.recipients],
        after=body.after,
        by=principal.name,
        clock=clock,
    )
    return view_of(found)
