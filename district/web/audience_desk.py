"""From which console somebody looks at his segments, tags and lists: a merchant's or a property's."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from district.audiences import ownership
from district.audiences.models import ContactList, Segment, Tag
from district.audiences.ownership import Owned, SetOwner, Use
from district.auth.models import Role
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo
from district.problems import DistrictError
from district.web.campaign_desks import CampaignDesk, at_each, merchants_desk, propertys_desk
from district.web.explained import explained
from district.web.language import negotiate
from district.web.operator_forms import Wrong, wrong_of
from district.web.staff import staff
from push.audience_terms import LabelKind

MERCHANTS: Final = "/merchant"
PROPERTYS: Final = "/property"
_merchant, _property = staff(Role.MERCHANT), staff(Role.PROPERTY)


async def console(request: Request) -> CampaignDesk:
    """The console whose address was asked for, for who may use it."""
    if request.url.path.startswith(f"{PROPERTYS}/"):
        return propertys_desk(await _property(request))
    return merchants_desk(await _merchant(request))


AtConsole = Annotated[CampaignDesk, Depends(console)]


@dataclass(frozen=True, kw_only=True)
class SetsDesk:
    """A request for a page of somebody's sets: who asks, from which console, and with what."""

    request: Request
    console: CampaignDesk
    session: Session
    clock: Clock

    @property
    def district(self) -> DistrictInfo:
        """Where the sets are."""
        return self.console.here.district

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.console.here.principal

    @property
    def owner(self) -> SetOwner:
        """Whose sets he works with."""
        return ownership.owner_of(self.principal)

    @property
    def address(self) -> str:
        """The first page of them."""
        return f"{self.console.base}/audience"

    def show(self, template: str, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """A page of this console."""
        return shown(self.request, self.console, self.clock, template, status=status, **values)

    def not_found(self) -> Response:
        """For what is another's, or nobody's."""
        return self.show("audience/not_found.html", status=HTTPStatus.NOT_FOUND)

    def to(self, path: str) -> Response:
        """Lead to another page of the sets."""
        return RedirectResponse(f"{self.address}{path}", HTTPStatus.SEE_OTHER)

    def words(self, error: DistrictError) -> str:
        """What was refused, in the page's language."""
        return explained(error, negotiate(self.request))

    def wrong(self, error: Any) -> Wrong:
        """What was refused, at its fields."""
        return wrong_of(error, negotiate(self.request))

    def own(self, table: type[Owned]) -> Sequence[Owned]:
        """The owner's sets of a kind, by their titles."""
        own = ownership.owned(table, self.district.id, self.owner)
        return self.session.scalars(own.order_by(table.title, table.name)).all()

    def names(self, table: type[Tag] | type[ContactList] | type[Segment]) -> frozenset[str]:
        """The names of this kind that are taken."""
        return frozenset(row.name for row in self.own(table))

    def find(self, table: type[Owned], name: str) -> Owned:
        """The owner's set of this name. Raises: NotFound."""
        return ownership.find(self.session, table, self.district.id, self.principal, name)

    def uses(self, kind: LabelKind, name: str) -> list[Use]:
        """What names the set."""
        return ownership.uses(self.session, self.district.id, self.owner, kind, name)

    def used(
        self, kind: LabelKind, rows: Sequence[Tag | ContactList | Segment]
    ) -> dict[uuid.UUID, list[Use]]:
        """What names each of them."""
        return {row.id: self.uses(kind, row.name) for row in rows}


def shown(
    request: Request,
    at: CampaignDesk,
    clock: Clock,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    **values: Any,
) -> Response:
    """A page of the sets in a console."""
    return at.show(request, clock, template, status=status, is_property=at.base == PROPERTYS, **values)


def desk(request: Request, at: AtConsole, session: DbSession, clock: ClockDep) -> SetsDesk:
    """The request, for the pages of sets."""
    return SetsDesk(request=request, console=at, session=session, clock=clock)


AtDesk = Annotated[SetsDesk, Depends(desk)]


def in_both_consoles(pages: APIRouter) -> APIRouter:
    """The same pages at the merchants' addresses and at the properties'."""
    return at_each(pages, f"{MERCHANTS}/audience", f"{PROPERTYS}/audience")
