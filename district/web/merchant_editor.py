"""Making and changing a campaign: a guided form, checked while it is filled, errors at their fields."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from district.campaigns import finding
from district.campaigns import service as campaigns
from district.campaigns.schemas import CampaignChange, CampaignOut, NewCampaign
from district.campaigns.service import StepRefused, VersionStale
from district.problems import Conflict, Invalid, NotFound
from district.web.editor import campaign as documents
from district.web.editor.campaign import Editor
from district.web.editor.fields import Fields
from district.web.editor_desk import AtDesk, EditorDesk, in_both_consoles
from district.web.explained import explained
from district.web.language import Tongue, gettext, negotiate, speaking
from district.web.merchant_editor_page import Page, SentForm, editor_page
from district.web.security import require_own_form
from push.campaign_life import FINAL, CampaignAction, CampaignState

pages = APIRouter()


def _read(at: EditorDesk, form: Fields) -> tuple[NewCampaign | None, Editor]:
    """What the form asks for; None when a field cannot be read."""
    district = at.here.district
    tongue = Tongue(language=negotiate(at.request), zone=district.zone, currency=district.currency)
    with speaking(tongue):
        editor = Editor(form=form, district=district)
        new = editor.campaign()
    return (new if new is None else new.model_copy(update={"owner": at.owner})), editor


@pages.get("/new")
def new_campaign(at: AtDesk, idea: str = "", copy: uuid.UUID | None = None) -> Response:
    """An empty form, one of the ideas, or a copy of an own campaign."""
    form = at.ideas.get(idea, at.first)
    with speaking(Tongue(language=negotiate(at.request))):
        form = form.merged({"name": gettext(form.one("name"))})
    if copy is not None:
        try:
            found = at.one(copy)
        except NotFound:
            return at.not_found()
        copied = documents.show(found, at.here.district)
        dates = dict.fromkeys(("version", "starts", "starts_was", "ends", "ends_was"), "")
        return editor_page(at, copied.merged({**dates, "name": found.name[:110] + " (2)"}))
    if owned := at.stores(form):
        form = form.merged({"store_ids": str(owned[0].id)})
    return editor_page(at, form)


@pages.post("/new", dependencies=[Depends(require_own_form)])
def create(at: AtDesk, form: SentForm, then: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Save a draft, and submit it if that was pressed."""
    new, editor = _read(at, form)
    if new is None:
        return editor_page(at, form, Page(errors=editor.errors, status=HTTPStatus.UNPROCESSABLE_ENTITY))
    try:
        with at.session.begin_nested():
            made = campaigns.create(at.session, at.here.district, at.here.principal, new, clock=at.clock)
            if then == "submit":
                _submit(at, made.id)
    except Invalid as refused:
        return _refused(at, editor, refused)
    return at.to(made.id, "submitted" if then == "submit" else "saved")


@pages.get("/{campaign_id}/edit")
def edit(at: AtDesk, campaign_id: uuid.UUID) -> Response:
    """The form of what was written last. What is approved goes on until the change of it is approved, too."""
    try:
        campaign = at.one(campaign_id)
    except NotFound:
        return at.not_found()
    if campaign.state in FINAL:
        return at.to(campaign_id, "fixed")
    form = documents.show(written_last(campaign), at.here.district)
    return editor_page(at, form, Page(campaign=campaign, notice=campaign.reject_reason))


@pages.post("/{campaign_id}/edit", dependencies=[Depends(require_own_form)])
def save(
    at: AtDesk,
    campaign_id: uuid.UUID,
    form: SentForm,
    then: Annotated[str, Form(max_length=10)] = "",
    over: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Change a campaign, if it is still the version that the form was made of, or the one that it is to replace."""
    form = form.with_values(version=over) if over else form
    try:
        campaign = at.one(campaign_id)
    except NotFound:
        return at.not_found()
    new, editor = _read(at, form)
    if new is None:
        wrong = Page(campaign=campaign, errors=editor.errors, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return editor_page(at, form, wrong)
    try:
        with at.session.begin_nested():
            change = _change(form, new)
            campaigns.change(
                at.session, at.here.district, at.here.principal, campaign_id, change, clock=at.clock
            )
            if then == "submit":
                _submit(at, campaign_id)
    except (Invalid, VersionStale, StepRefused) as refused:
        return _refused(at, editor, refused, campaign=campaign)
    return at.to(campaign_id, "submitted" if then == "submit" else "saved")


def written_last(campaign: CampaignOut) -> CampaignOut:
    """What waits for approval where something does, else what is in force."""
    if campaign.pending is None:
        return campaign
    return campaign.model_copy(update=campaign.pending.model_dump(exclude={"version"}))


def _change(form: Fields, new: NewCampaign) -> CampaignChange:
    typed = form.one("version")
    version = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0
    parts = new.model_dump(include={"name", "store_ids", "rule", "offer", "stock", "starts_at", "ends_at"})
    return CampaignChange(version=version, **parts)


def _refused(
    at: EditorDesk, editor: Editor, refused: Invalid | Conflict, *, campaign: CampaignOut | None = None
) -> Response:
    """The form again: what is wrong at its field, or above all of it."""
    language = negotiate(at.request)
    errors: Mapping[str, str] = editor.refused(refused, language)
    notice = "" if errors or isinstance(refused, VersionStale) else explained(refused, language)
    return editor_page(
        at, editor.form, Page(campaign=campaign, errors=errors, notice=notice, status=refused.status)
    )


def _submit(at: EditorDesk, campaign_id: uuid.UUID) -> None:
    """Send a draft for approval; a change of what was sent before waits already."""
    row = finding.find(at.session, at.here.district.id, at.here.principal, campaign_id)
    if row.state != CampaignState.DRAFT:
        return
    district_id, principal = at.here.district.id, at.here.principal
    campaigns.step(at.session, district_id, principal, campaign_id, CampaignAction.SUBMIT, clock=at.clock)


router = in_both_consoles(pages)
