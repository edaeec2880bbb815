"""Making and changing a campaign: a guided form, checked while it is filled, errors at their fields."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from district.campaigns import service as campaigns
from district.campaigns.schemas import CampaignChange, CampaignOut, NewCampaign
from district.campaigns.service import StepRefused, VersionStale
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import Conflict, Invalid, NotFound
from district.web.explained import explained
from district.web.language import Language, Tongue, negotiate, speaking
from district.web.merchant_fence import POSITION_ERROR_M, judged
from district.web.merchant_form import Builder, CampaignForm, at_fields, read
from district.web.merchant_hours import DAYS
from district.web.merchant_keeping import is_sayable, kept
from district.web.merchant_pages import MerchantStaff, not_found, one_campaign, own_stores, show
from district.web.merchant_refill import IDEAS, of_campaign
from district.web.security import require_own_form
from district.web.staff import Staff
from push.campaign_life import FINAL, CampaignAction, CampaignState

router = APIRouter()


async def sent_form(request: Request) -> CampaignForm:
    """The form as the browser sent it."""
    sent: FormData = await request.form(max_files=0, max_fields=600)
    return read(sent)


SentForm = Annotated[CampaignForm, Depends(sent_form)]


def _editor(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    form: CampaignForm,
    *,
    campaign_id: uuid.UUID | None = None,
    errors: dict[str, str] | None = None,
    notice: str = "",
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    owned = own_stores(session, here)
    centre = next(((one.lon, one.lat) for one in owned if one.lon is not None), None)
    district = here.district
    return show(
        request,
        here,
        clock,
        "merchant/editor.html",
        status=status,
        form=form,
        stores=owned,
        errors=errors or {},
        notice=notice,
        campaign_id=campaign_id,
        centre=centre or (district.center.lon, district.center.lat),
        all_days=DAYS,
        ideas=tuple(IDEAS),
        facts=None,
        fence_error="",
    )


@router.get("/merchant/campaigns/new")
def new_campaign(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    idea: str = "",
    copy: uuid.UUID | None = None,
) -> Response:
    """An empty form, one of the ideas, or a copy of an own campaign."""
    form = IDEAS.get(idea, CampaignForm())
    if copy is not None:
        try:
            found = one_campaign(session, here, copy)
        except NotFound:
            return not_found(request, here, clock)
        if not is_sayable(found):
            return _to(copy, "beyond")
        copied = of_campaign(found, here.district)
        form = replace(copied, version="", starts="", ends="", name=copied.name[:110] + " (2)")
    elif owned := own_stores(session, here):
        form = replace(form, store_ids=(str(owned[0].id),))
    return _editor(request, here, session, clock, form)


@router.post("/merchant/campaigns/check", dependencies=[Depends(require_own_form)])
def check(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    form: SentForm,
) -> Response:
    """A fragment: what the fence is like, and the offer on a phone."""
    owned = own_stores(session, here)
    value = _value(here, form, negotiate(request))
    facts, wrong = judged(session, here.district, form, owned, negotiate(request))
    names = {str(store.id): store for store in owned}
    first = names.get(form.store_ids[0]) if form.store_ids else None
    return show(
        request,
        here,
        clock,
        "merchant/check.html",
        form=form,
        facts=facts,
        fence_error=wrong,
        value=value,
        store=first,
        position_error_m=POSITION_ERROR_M,
    )


def _value(here: Staff, form: CampaignForm, language: Language) -> Mapping[str, Any] | None:
    """What the offer is worth; None while that cannot be read."""
    with speaking(Tongue(language=language)):
        builder = Builder(form=form, district=here.district, stores=())
        value: Mapping[str, Any] = builder.offer()["value"]
        return None if builder.errors else value


@router.post("/merchant/campaigns/new", dependencies=[Depends(require_own_form)])
def create(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    form: SentForm,
    then: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Save a draft, and submit it if that was pressed."""
    new, errors = _read(request, here, session, form)
    if new is None:
        return _editor(
            request, here, session, clock, form, errors=errors, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    try:
        with session.begin_nested():
            made = campaigns.create(session, here.district, here.principal, new, clock=clock)
            if then == "submit":
                _submit(session, here, made.id, clock)
    except Invalid as refused:
        return _show_refused(request, here, session, clock, form, refused)
    return _to(made.id, "submitted" if then == "submit" else "saved")


@router.get("/merchant/campaigns/{campaign_id}/edit")
def edit(
    campaign_id: uuid.UUID, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep
) -> Response:
    """The form of what was written last. What is approved goes on until the change of it is approved, too."""
    try:
        campaign = one_campaign(session, here, campaign_id)
    except NotFound:
        return not_found(request, here, clock)
    if campaign.state in FINAL:
        return _to(campaign_id, "fixed")
    if not is_sayable(written_last(campaign)):
        return _to(campaign_id, "beyond")
    return _editor(
        request,
        here,
        session,
        clock,
        of_campaign(written_last(campaign), here.district),
        campaign_id=campaign_id,
        notice=campaign.reject_reason,
    )


@router.post("/merchant/campaigns/{campaign_id}/edit", dependencies=[Depends(require_own_form)])
def save(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    form: SentForm,
    then: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Change a draft, if it is still the version that the form was made of."""
    new, errors = _read(request, here, session, form)
    if new is None:
        return _editor(
            request,
            here,
            session,
            clock,
            form,
            campaign_id=campaign_id,
            errors=errors,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    try:
        written = written_last(one_campaign(session, here, campaign_id))
        if not is_sayable(written):
            return _to(campaign_id, "beyond")
        with session.begin_nested():
            change = _change(form, kept(written, new))
            campaigns.change(session, here.district, here.principal, campaign_id, change, clock=clock)
            if then == "submit":
                _submit(session, here, campaign_id, clock)
    except NotFound:
        return not_found(request, here, clock)
    except (Invalid, VersionStale, StepRefused) as refused:
        return _show_refused(request, here, session, clock, form, refused, campaign_id=campaign_id)
    return _to(campaign_id, "submitted" if then == "submit" else "saved")


def written_last(campaign: CampaignOut) -> CampaignOut:
    """What waits for approval where something does, else what is in force."""
    if campaign.pending is None:
        return campaign
    return campaign.model_copy(update=campaign.pending.model_dump(exclude={"version"}))


def _change(form: CampaignForm, new: NewCampaign) -> CampaignChange:
    version = int(form.version) if form.version.isascii() and form.version.isdigit() else 0
    return CampaignChange(
        version=version,
        name=new.name,
        store_ids=new.store_ids,
        rule=new.rule,
        offer=new.offer,
        stock=new.stock,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
    )


def _read(
    request: Request, here: Staff, session: Session, form: CampaignForm
) -> tuple[NewCampaign | None, dict[str, str]]:
    district = here.district
    tongue = Tongue(language=negotiate(request), zone=district.zone, currency=district.currency)
    with speaking(tongue):
        builder = Builder(form=form, district=district, stores=own_stores(session, here))
        return builder.campaign(), builder.errors


def _show_refused(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    form: CampaignForm,
    refused: Invalid | Conflict,
    *,
    campaign_id: uuid.UUID | None = None,
) -> Response:
    """The form again: what is wrong at its field, or above all of it."""
    language = negotiate(request)
    errors = at_fields(refused, language)
    return _editor(
        request,
        here,
        session,
        clock,
        form,
        campaign_id=campaign_id,
        errors=errors,
        notice="" if errors else explained(refused, language),
        status=refused.status,
    )


def _submit(session: Session, here: Staff, campaign_id: uuid.UUID, clock: Clock) -> None:
    """Send a draft for approval; a change of what was sent before waits already."""
    row = campaigns.find(session, here.district.id, here.principal, campaign_id)
    if row.state != CampaignState.DRAFT:
        return
    campaigns.step(session, here.district.id, here.principal, campaign_id, CampaignAction.SUBMIT, clock=clock)


def _to(campaign_id: uuid.UUID, said: str) -> Response:
    return RedirectResponse(f"/merchant/campaigns/{campaign_id}?said={said}", HTTPStatus.SEE_OTHER)
