"""The page of the campaign editor, and its parts that are shown anew while it is filled."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from district.campaigns.schemas import MOST_STORES, CampaignOut
from district.problems import NotFound
from district.stores.schemas import StoreView
from district.web import editor_stores
from district.web.channel_words import channel_word
from district.web.editor import arranging, choices, fields, hours, limits, seen, terms, where, who, words
from district.web.editor.campaign import Editor
from district.web.editor.fields import Fields
from district.web.editor.kept_words import kept_words
from district.web.editor_desk import AtDesk, EditorDesk, in_both_consoles
from district.web.fragments import is_fragment
from district.web.language import Tongue, negotiate, speaking
from district.web.merchant_fence import POSITION_ERROR_M, FenceFacts, judged
from district.web.merchant_hours import DAYS
from district.web.security import require_own_form
from push.audience_vocabulary import REACHABLE
from push.limit_document import MEMBER_CHANNELS
from push.template import Placeholder

pages = APIRouter()
PARTS: Final = ("stores", "triggers", "hours", "blackout", "cut", "who", "variants", "channels")
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


NEAR_ZOOM: Final = 17.0
DISTRICT_ZOOM: Final = 15.0


def editor_page(at: EditorDesk, form: Fields, page: Page | None = None) -> Response:
    """The editor with this form in it, or one part of it."""
    page = page or Page()
    named, district = at.stores(form), at.here.district
    centre = next(((one.lon, one.lat) for one in named if one.lon is not None), None)
    with speaking(Tongue(language=negotiate(at.request))):
        chosen = choices.of_merchant(at.session, district, at.here.principal)
    return at.show(
        f"merchant/editor/{page.part}.html" if page.part else "merchant/editor.html",
        status=page.status,
        form=form,
        stores=named,
        errors=dict(page.errors),
        notice=page.notice,
        campaign=page.campaign,
        campaign_id=page.campaign.id if page.campaign else None,
        focus=page.focus,
        centre=centre or (district.center.lon, district.center.lat),
        zoom=NEAR_ZOOM if centre else DISTRICT_ZOOM,
        choices=chosen,
        ideas=tuple(at.ideas),
        keeper=str(at.here.principal.subject_id),
        **_search(at, form),
        **VOCABULARY,
    )


def _search(at: EditorDesk, form: Fields) -> dict[str, Any]:
    """What the operator finds stores by, and what he found."""
    if not at.is_operators:
        return {}
    district = at.here.district
    return {
        "found": editor_stores.found(at.session, district, form),
        "buildings": editor_stores.buildings(at.session, district, negotiate(at.request)),
        "most_stores": MOST_STORES,
    }


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


@pages.post("/arrange", dependencies=[Depends(require_own_form)])
def arrange(
    at: AtDesk,
    form: SentForm,
    do: Annotated[str, Form(max_length=60)] = "",
    part: str = "",
    campaign: uuid.UUID | None = None,
) -> Response:
    """The form after one of its buttons: the part alone for HTMX, else the page. Nothing is saved."""
    arranged = arranging.arrange(form, do)
    if at.is_operators:
        arranged = _arranged_for_district(at, arranged, do)
    is_part = is_fragment(at.request) and part in PARTS
    try:
        found = at.one(campaign) if campaign is not None else None
    except NotFound:
        found = None
    page = Page(campaign=found, part=part if is_part else "", focus=_added(form, arranged))
    return editor_page(at, arranged, page)


def _arranged_for_district(at: EditorDesk, form: Fields, do: str) -> Fields:
    """The form after one of the buttons that the operator alone has."""
    district = at.here.district
    if do != "buildings:out":
        return editor_stores.arrange(at.session, district, form, do)
    with speaking(Tongue(language=negotiate(at.request), zone=district.zone, currency=district.currency)):
        rule = Editor(form=form, district=district).rule()
    facts, _wrong = _judged(at, form, rule)
    return editor_stores.without(
        at.session, district, form, editor_stores.reached(at.session, district, facts)
    )


@pages.get("/arrange")
def arranged_elsewhere(at: AtDesk, campaign: uuid.UUID | None = None) -> Response:
    """Who comes back to the address of a button, to read it in the other language, comes to the form."""
    rest = "/new" if campaign is None else f"/{campaign}/edit"
    return RedirectResponse(at.address(rest), HTTPStatus.SEE_OTHER)


def _added(before: Fields, after: Fields) -> str:
    """The beginning of the row that is new."""
    for kind in ("term", "group", "trigger", "cut", "variant", "channel", "own"):
        if new := [key for key in after.many(kind) if key not in before.many(kind)]:
            return f"{kind}-{new[0]}"
    return ""


@pages.post("/check", dependencies=[Depends(require_own_form)])
def check(at: AtDesk, form: SentForm, campaign: uuid.UUID | None = None) -> Response:
    """A fragment: the rule in words, what the ground is like, the offer on phones, the next dates."""
    named, district, now = at.stores(form), at.here.district, at.clock.now()
    language = negotiate(at.request)
    with speaking(Tongue(language=language, zone=district.zone, currency=district.currency, now=now)):
        editor = Editor(form=form, district=district)
        rule, offer = editor.rule(), editor.offer()
        store = _first(named, form)
        shown: dict[str, Any] = {
            "said": seen.said(editor, rule, offer),
            "phones": seen.phones(form, offer["value"], district, store, now),
            "dates": seen.next_dates(editor, now),
        }
    facts, wrong = _judged(at, form, rule)
    return at.show(
        "merchant/check.html",
        form=form,
        campaign_id=campaign,
        facts=facts,
        fence_error=wrong,
        reached=editor_stores.reached(at.session, district, facts) if at.is_operators else (),
        store=store,
        position_error_m=POSITION_ERROR_M,
        **shown,
    )


def _judged(at: EditorDesk, form: Fields, rule: Mapping[str, Any]) -> tuple[FenceFacts | None, str]:
    """What the form's ground is like, or what is wrong with it."""
    ids = [one.id for one in at.stores(form) if str(one.id) in form.many("store_ids")]
    return judged(at.session, at.here.district, rule.get("where", {}), ids, negotiate(at.request))


def _first(named: list[StoreView], form: Fields) -> str:
    """The name of the first shop that is ticked."""
    ticked = form.many("store_ids")
    return next((one.name or one.ref for one in named if str(one.id) in ticked), "")


router = in_both_consoles(pages)
