"""From which console somebody writes a campaign: a merchant his own, the operator those of the district."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns import finding
from district.campaigns.answers import shown
from district.campaigns.schemas import CampaignOut, OwnerIn, OwnerKind
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import NotFound
from district.stores.schemas import StoreView
from district.web import editor_stores
from district.web.campaign_desks import CampaignDesk, at_each, merchants_desk, operators_desk
from district.web.editor.district_ideas import DISTRICT_FIRST, DISTRICT_IDEAS
from district.web.editor.fields import Fields
from district.web.editor.ideas import FIRST, IDEAS
from district.web.merchant_pages import own_stores
from district.web.staff import Staff, staff

MERCHANTS: Final = "/merchant"
OPERATORS: Final = "/operator"
_merchant, _operator = staff(Role.MERCHANT), staff(Role.OPERATOR)


async def console(request: Request) -> CampaignDesk:
    """The console whose address was asked for, for who may use it."""
    if request.url.path.startswith(f"{OPERATORS}/"):
        return operators_desk(await _operator(request))
    return merchants_desk(await _merchant(request))


@dataclass(frozen=True, kw_only=True)
class EditorDesk:
    """A request for a page of the editor: who asks, from which console, and with what."""

    request: Request
    console: CampaignDesk
    session: Session
    clock: Clock

    @property
    def here(self) -> Staff:
        """Who asks, and in which district."""
        return self.console.here

    @property
    def is_operators(self) -> bool:
        """Whether the district itself stands behind the campaign."""
        return self.console.base == OPERATORS

    @property
    def owner(self) -> OwnerIn | None:
        """Whose a new campaign is to be; None: the caller's own."""
        return OwnerIn(kind=OwnerKind.OPERATOR) if self.is_operators else None

    @property
    def first(self) -> Fields:
        """The form that one starts from."""
        return DISTRICT_FIRST if self.is_operators else FIRST

    @property
    def ideas(self) -> Mapping[str, Fields]:
        """Other forms to start from."""
        return DISTRICT_IDEAS if self.is_operators else IDEAS

    def address(self, rest: str = "") -> str:
        """An address of this console's campaigns."""
        return f"{self.console.base}/campaigns{rest}"

    def show(self, template: str, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """A page of this console, or a part of one."""
        return self.console.show(
            self.request,
            self.clock,
            template,
            session=self.session,
            status=status,
            is_operators=self.is_operators,
            **values,
        )

    def not_found(self) -> Response:
        """For what is another's, or nobody's."""
        return self.show("merchant/not_found.html", status=HTTPStatus.NOT_FOUND)

    def to(self, campaign_id: uuid.UUID, said: str) -> Response:
        """Lead to a campaign's page."""
        return RedirectResponse(self.address(f"/{campaign_id}?said={said}"), HTTPStatus.SEE_OTHER)

    def one(self, campaign_id: uuid.UUID) -> CampaignOut:
        """A campaign that is written here: a merchant's, or one of the operator's that no stores enrol in.

        Raises: NotFound.
        """
        row = finding.find(self.session, self.here.district.id, self.here.principal, campaign_id)
        is_joint = row.holds_until is not None
        if self.is_operators and (row.owner_kind != OwnerKind.OPERATOR or is_joint):
            raise NotFound("No such campaign of the operator's own.")
        return shown(self.session, self.here.principal, [row])[0]

    def stores(self, form: Fields) -> list[StoreView]:
        """The merchant's open stores; of the district, which has too many to list, those that the form names."""
        if self.is_operators:
            return editor_stores.chosen(self.session, self.here.district, form)
        return own_stores(self.session, self.here)


def desk(
    request: Request,
    at: Annotated[CampaignDesk, Depends(console)],
    session: DbSession,
    clock: ClockDep,
) -> EditorDesk:
    """The request, for the pages of the editor."""
    return EditorDesk(request=request, console=at, session=session, clock=clock)


AtDesk = Annotated[EditorDesk, Depends(desk)]


def in_both_consoles(pages: APIRouter) -> APIRouter:
    """The same pages at the merchants' addresses and at the operator's."""
    return at_each(pages, f"{MERCHANTS}/campaigns", f"{OPERATORS}/campaigns")
