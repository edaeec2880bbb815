"""The page of the campaign editor, and its parts that are shown anew while it is filled."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from district.campaigns.schemas import CampaignOut
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.problems import NotFound
from district.stores.schemas import StoreView
from district.web.channel_words import channel_word
from district.web.editor import arranging, choices, fields, hours, limits, seen, terms, where, who, words
from district.web.editor.campaign import Editor
from district.web.editor.fields import Fields
from district.web.editor.ideas import IDEAS
from district.web.editor.kept_words import kept_words
from district.web.language import Tongue, negotiate, speaking
from district.web.merchant_fence import POSITION_ERROR_M, judged
from district.web.merchant_hours import DAYS
from district.web.merchant_pages import MerchantStaff, one_campaign, own_stores, show
from district.web.security import require_own_form
from district.web.staff import Staff
from push.audience_vocabulary import REACHABLE
from push.limit_document import MEMBER_CHANNELS
from push.template import Placeholder

router = APIRouter()
PARTS: Final = ("triggers", "hours", "blackout", "cut", "who", "variants", "channels")
"""What is shown anew by itself after one of its buttons."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What stands around the form."""

    campaign: CampaignOut | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    status: int = HTTPStatus.OK
    part: str = ""
    """A part that is asked for by itself."""
    focus: str = ""
    """The beginning of the row that was added just now."""


async def sent_form(request: Request) -> Fields:
    """The form as the browser sent it."""
    return fields.read(await request.form(max_files=0, max_fields=fields.MOST_FIELDS))


SentForm = Annotated[Fields, Depends(sent_form)]


def editor_page(
    request: Request, here: Staff, session: Session, clock: Clock, form: Fields, page: Page
) -> Response:
    """The editor with this form in it, or one part of it."""
    owned = own_stores(session, here)
    centre = next(((one.lon, one.lat) for one in owned if one.lon is not None), None)
    district = here.district
    with speaking(Tongue(language=negotiate(request))):
        chosen = choices.of_merchant(session, district, here.principal)
    return show(
        request,
        here,
        clock,
        f"merchant/editor/{page.part}.html" if page.part else "merchant/editor.html",
        status=page.status,
        form=form,
        stores=owned,
        errors=dict(page.errors),
        notice=page.notice,
        campaign=page.campaign,
        campaign_id=page.campaign.id if page.campaign else None,
        focus=page.focus,
        centre=centre or (district.center.lon, district.center.lat),
        choices=chosen,
        ideas=tuple(IDEAS),
        keeper=str(here.principal.subject_id),
        **VOCABULARY,
    )


VOCABULARY: Final[Mapping[str, Any]] = {
    "all_days": DAYS,
    "spans": range(hours.SPANS),
    "grid_name": hours.grid_name,
    "attributes": terms.ATTRIBUTES,
    "terms_of": who.terms_of,
    "kept_words": kept_words,
    "shape_words": where.shape_words,
    "own_rows": words.own_rows,
    "member_channels": [one.value for one in MEMBER_CHANNELS],
    "reachable": [one.value for one in REACHABLE],
    "channel_word": channel_word,
    "channel_field": limits.channel_field,
    "placeholders": [f"{{{one.value}}}" for one in Placeholder],
    "smallest_effects": seen.smallest_effects,
}


@router.post("/merchant/campaigns/arrange", dependencies=[Depends(require_own_form)])
def arrange(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    form: SentForm,
    do: Annotated[str, Form(max_length=60)] = "",
    part: str = "",
    campaign: uuid.UUID | None = None,
) -> Response:
    """The form after one of its buttons: the part alone for HTMX, else the page. Nothing is saved."""
    arranged = arranging.arrange(form, do)
    is_part = request.headers.get("hx-request") == "true" and part in PARTS
    try:
        found = one_campaign(session, here, campaign) if campaign is not None else None
    except NotFound:
        found = None
    page = Page(campaign=found, part=part if is_part else "", focus=_added(form, arranged))
    return editor_page(request, here, session, clock, arranged, page)


@router.get("/merchant/campaigns/arrange")
def arranged_elsewhere(here: MerchantStaff, campaign: uuid.UUID | None = None) -> Response:
    """Who comes back to the address of a button, to read it in the other language, comes to the form."""
    address = "/merchant/campaigns/new" if campaign is None else f"/merchant/campaigns/{campaign}/edit"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _added(before: Fields, after: Fields) -> str:
    """The beginning of the row that is new."""
    for kind in ("term", "group", "trigger", "cut", "variant", "channel", "own"):
        if new := [key for key in after.many(kind) if key not in before.many(kind)]:
            return f"{kind}-{new[0]}"
    return ""


@router.post("/merchant/campaigns/check", dependencies=[Depends(require_own_form)])
def check(
    request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, form: SentForm
) -> Response:
    """A fragment: the rule in words, what the ground is like, the offer on phones, the next dates."""
    owned = own_stores(session, here)
    district, language, now = here.district, negotiate(request), clock.now()
    with speaking(Tongue(language=language, zone=district.zone, currency=district.currency, now=now)):
        editor = Editor(form=form, district=district)
        rule, offer = editor.rule(), editor.offer()
        store = _first(owned, form)
        shown: dict[str, Any] = {
            "said": seen.said(editor, rule, offer),
            "phones": seen.phones(form, offer["value"], district, store, now),
            "dates": seen.next_dates(editor, now),
        }
    ids = [one.id for one in owned if str(one.id) in form.many("store_ids")]
    facts, wrong = judged(session, district, rule.get("where", {}), ids, language)
    return show(
        request,
        here,
        clock,
        "merchant/check.html",
        form=form,
        facts=facts,
        fence_error=wrong,
        store=store,
        position_error_m=POSITION_ERROR_M,
        **shown,
    )


def _first(owned: list[StoreView], form: Fields) -> str:
    """The name of the first shop that is ticked."""
    ticked = form.many("store_ids")
    return next((one.name or one.ref for one in owned if str(one.id) in ticked), "")
