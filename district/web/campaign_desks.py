"""From which console somebody looks at campaigns: the merchant's, the property's or the operator's."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns.answers import shown
from district.campaigns.finding import find
from district.campaigns.models import Campaign
from district.campaigns.schemas import CampaignOut
from district.clock import Clock
from district.problems import NotFound
from district.web.operator_shell import waiting
from district.web.reasons import in_words
from district.web.staff import Staff, staff
from district.web.templating import render
from district.web.worth import worth
from push.campaign_life import CampaignAction, CampaignState

OWN_ACTIONS = (
    CampaignAction.SUBMIT,
    CampaignAction.WITHDRAW,
    CampaignAction.PAUSE,
    CampaignAction.RESUME,
    CampaignAction.END,
)
"""What a campaign's page offers; approving and rejecting has a page of its own."""
TONES = {
    CampaignState.DRAFT: "gray",
    CampaignState.IN_REVIEW: "yellow",
    CampaignState.APPROVED: "blue",
    CampaignState.SCHEDULED: "blue",
    CampaignState.LIVE: "green",
    CampaignState.EXHAUSTED: "orange",
    CampaignState.PAUSED: "yellow",
    CampaignState.ENDED: "gray",
    CampaignState.CANCELLED: "red",
}


@dataclass(frozen=True, kw_only=True)
class CampaignDesk:
    """Who looks, and at which addresses."""

    here: Staff
    base: str
    layout: str

    def show(
        self,
        request: Request,
        clock: Clock,
        template: str,
        *,
        session: Session | None = None,
        status: int = HTTPStatus.OK,
        **values: Any,
    ) -> HTMLResponse:
        """A page of this console; the operator's menu counts what waits when there is a session to ask."""
        is_operator = self.here.principal.role is Role.OPERATOR
        badges = waiting(session, self.here.district.id) if session is not None and is_operator else {}
        return render(
            request,
            template,
            shell=self.here.shell(request, badges=badges),
            now=clock.now(),
            status_code=status,
            layout=self.layout,
            base=self.base,
            tones=TONES,
            worth=worth,
            reason_words=in_words,
            own_actions=OWN_ACTIONS,
            **values,
        )

    def campaign(self, session: Session, campaign_id: uuid.UUID) -> tuple[Campaign, CampaignOut]:
        """A campaign that the caller sees. Raises: NotFound, for another's too."""
        row = find(session, self.here.district.id, self.here.principal, campaign_id)
        return row, shown(session, self.here.principal, [row])[0]


def merchants_desk(here: Annotated[Staff, Depends(staff(Role.MERCHANT))]) -> CampaignDesk:
    """A merchant's own campaigns."""
    return CampaignDesk(here=here, base="/merchant", layout="layouts/merchant.html")


def propertys_desk(here: Annotated[Staff, Depends(staff(Role.PROPERTY))]) -> CampaignDesk:
    """A property's own campaigns, and its tenants' that hold in it alone."""
    if here.principal.scope_id is None:
        raise NotFound("This account belongs to no property.")
    return CampaignDesk(here=here, base="/property", layout="layouts/property.html")


def operators_desk(here: Annotated[Staff, Depends(staff(Role.OPERATOR))]) -> CampaignDesk:
    """All campaigns of the district."""
    return CampaignDesk(here=here, base="/operator", layout="layouts/operator.html")


def at_each(pages: APIRouter, *addresses: str) -> APIRouter:
    """The same pages at several addresses."""
    found = APIRouter()
    for address in addresses:
        found.include_router(pages, prefix=address)
    return found
