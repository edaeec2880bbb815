"""A property makes and changes its own campaigns: one plain form, checked by the same rules as the interface."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.audiences.models import ContactList, Segment, Tag
from district.campaigns import service as campaigns
from district.campaigns.schemas import CampaignChange, NewCampaign
from district.campaigns.service import StepRefused, VersionStale
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import Invalid
from district.stores import service as stores
from district.stores.models import Store
from district.stores.schemas import StoreView
from district.web.campaign_desks import CampaignDesk, propertys_desk
from district.web.editor.choices import Choice, sets
from district.web.language import Tongue, negotiate, speaking
from district.web.language import gettext as _
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.property_form import EMPTY, body_of, filled, named_set
from district.web.security import require_own_form
from push.campaign_life import FINAL, CampaignAction

router = APIRouter()
Desk = Annotated[CampaignDesk, Depends(propertys_desk)]
OWN_FORM = [Depends(require_own_form)]
MOST_STORES = 500


def _stores(session: Session, desk: CampaignDesk) -> list[StoreView]:
    """The property's open stores, by floor and name."""
    inside = select(Store).where(
        Store.district_id == desk.here.district.id,
        Store.property_id == desk.here.principal.scope_id,
        Store.closed_at.is_(None),
    )
    rows = list(session.scalars(inside.order_by(Store.id).limit(MOST_STORES)))
    views = stores.views(session, desk.here.district, rows)
    return sorted(views, key=lambda view: (view.floor or "", view.name.casefold(), view.ref))


def _form(
    request: Request,
    desk: CampaignDesk,
    session: Session,
    clock: Clock,
    sent: Sent,
    *,
    campaign_id: uuid.UUID | None = None,
    wrong: Wrong = RIGHT,
) -> Response:
    inside = _stores(session, desk)
    center = desk.here.district.center
    place = next(((one.lon, one.lat) for one in inside if one.lon is not None), (center.lon, center.lat))
    return desk.show(
        request,
        clock,
        "staff/campaign_form.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        filled=sent,
        wrong=wrong,
        campaign_id=campaign_id,
        stores=inside,
        corner=place,
        sets=_own_sets(request, desk, session),
    )


def _own_sets(request: Request, desk: CampaignDesk, session: Session) -> list[Choice]:
    """The property's segments, tags and lists, as audiences."""
    district, principal = desk.here.district, desk.here.principal
    with speaking(Tongue(language=negotiate(request))):
        kinds = (("seg", _("Segment"), Segment), ("tag", _("Tag"), Tag), ("list", _("List"), ContactList))
        return [
            (named_set(kind, name), _("%(kind)s: %(title)s", kind=word, title=title))
            for kind, word, table in kinds
            for name, title in sets(session, district, principal, table)
        ]


@router.get("/property/campaigns/new")
def new(request: Request, desk: Desk, session: DbSession, clock: ClockDep) -> Response:
    """An empty form."""
    return _form(request, desk, session, clock, EMPTY)


@router.post("/property/campaigns/new", dependencies=OWN_FORM)
def create(request: Request, desk: Desk, session: DbSession, clock: ClockDep, sent: SentForm) -> Response:
    """Save a draft, and submit it where that was pressed."""
    here = desk.here
    try:
        wanted = NewCampaign.model_validate(body_of(sent, here.district))
        with session.begin_nested():
            made = campaigns.create(session, here.district, here.principal, wanted, clock=clock)
            if sent.one("then") == "submit":
                _submit(session, desk, made.id, clock)
    except (ValidationError, Invalid) as error:
        return _form(request, desk, session, clock, sent, wrong=wrong_of(error, negotiate(request)))
    return _to(made.id, sent)


@router.get("/property/campaigns/{campaign_id}/edit")
def edit(
    campaign_id: uuid.UUID, request: Request, desk: Desk, session: DbSession, clock: ClockDep
) -> Response:
    """The form of what was written last."""
    row, campaign = desk.campaign(session, campaign_id)
    sent = None if row.property_id is None or row.state in FINAL else filled(campaign, desk.here.district)
    if sent is None:
        return RedirectResponse(f"/property/campaigns/{campaign_id}?said=beyond", HTTPStatus.SEE_OTHER)
    return _form(request, desk, session, clock, sent, campaign_id=campaign_id)


@router.post("/property/campaigns/{campaign_id}/edit", dependencies=OWN_FORM)
def save(
    campaign_id: uuid.UUID,
    request: Request,
    desk: Desk,
    session: DbSession,
    clock: ClockDep,
    sent: SentForm,
) -> Response:
    """Change it, if it is still the version that the form was made of."""
    here = desk.here
    version = sent.one("version")
    try:
        wanted = CampaignChange.model_validate({**body_of(sent, here.district), "version": version})
        with session.begin_nested():
            campaigns.change(session, here.district, here.principal, campaign_id, wanted, clock=clock)
            if sent.one("then") == "submit":
                _submit(session, desk, campaign_id, clock)
    except (ValidationError, Invalid, VersionStale, StepRefused) as error:
        wrong = wrong_of(error, negotiate(request))
        return _form(request, desk, session, clock, sent, campaign_id=campaign_id, wrong=wrong)
    return _to(campaign_id, sent)


def _submit(session: Session, desk: CampaignDesk, campaign_id: uuid.UUID, clock: Clock) -> None:
    """A change of what was sent before waits already."""
    here = desk.here
    _row, campaign = desk.campaign(session, campaign_id)
    if CampaignAction.SUBMIT in campaign.allows:
        campaigns.step(
            session, here.district.id, here.principal, campaign_id, CampaignAction.SUBMIT, clock=clock
        )


def _to(campaign_id: uuid.UUID, sent: Sent) -> Response:
    said = "submit" if sent.one("then") == "submit" else "saved"
    return RedirectResponse(f"/property/campaigns/{campaign_id}?said={said}", HTTPStatus.SEE_OTHER)
