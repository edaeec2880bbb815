"""Posters of a campaign: who scans one may claim its offer. Codes made and withdrawn, printed on A4 or A6 in both languages."""

import uuid
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from district.campaigns.schemas import CampaignOut
from district.offers import claim_links
from district.problems import Conflict, NotFound
from district.stores import service as stores
from district.stores.models import Store
from district.web.editor_desk import AtDesk, EditorDesk, in_both_consoles
from district.web.explained import explained
from district.web.language import Language, Tongue, negotiate, speaking
from district.web.security import require_own_form
from district.web.staff import Staff
from district.web.worth import worth
from push.offer import ClaimMode

pages = APIRouter()
OWN_FORM = [Depends(require_own_form)]
PAGE = "/{campaign_id}/posters"


class Paper(StrEnum):
    """What it is printed on."""

    A4 = "a4"
    A6 = "a6"


@pages.get(PAGE)
def page(campaign_id: uuid.UUID, at: AtDesk, said: str = "", token: str = "") -> Response:
    """The codes that open the campaign's offer."""
    try:
        campaign = at.one(campaign_id)
    except NotFound:
        return at.not_found()
    return _page(at, campaign, said=said[:10], withdrawn=token[:60])


def _page(
    at: EditorDesk, campaign: CampaignOut, *, said: str = "", withdrawn: str = "", error: str = ""
) -> Response:
    here = at.here
    tokens = claim_links.tokens(at.session, here.district.id, here.principal, campaign.id)
    return at.show(
        "merchant/posters.html",
        status=HTTPStatus.CONFLICT if error else HTTPStatus.OK,
        campaign=campaign,
        codes=[(token, _code(_address(at.request, here, token))) for token in tokens],
        is_claimable=_is_claimable(campaign),
        said=said,
        withdrawn=withdrawn,
        error=error,
    )


def _is_claimable(campaign: CampaignOut) -> bool:
    claim = campaign.offer.get("claim")
    return claim is not None and claim.get("mode") != ClaimMode.RESERVE


def _address(request: Request, here: Staff, token: str) -> str:
    origin = (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")
    return f"{origin}/c/{here.district.slug}.{token}"


def _code(address: str) -> Markup:
    # Our own SVG: it holds squares only.
    code = segno.make_qr(address, error="m")
    return Markup(code.svg_inline(border=2, omitsize=True, dark="#000", light="#fff"))  # noqa: S704


@pages.post(PAGE, dependencies=OWN_FORM)
def create(campaign_id: uuid.UUID, at: AtDesk) -> Response:
    """One more code."""
    here = at.here
    try:
        campaign = at.one(campaign_id)
        claim_links.create(at.session, here.district.id, here.principal, campaign_id, now=at.clock.now())
    except NotFound:
        return at.not_found()
    except Conflict as refused:
        return _page(at, campaign, error=explained(refused, negotiate(at.request)))
    return _to(at, campaign_id, "made")


@pages.post(PAGE + "/withdraw", dependencies=OWN_FORM)
def withdraw(campaign_id: uuid.UUID, at: AtDesk, token: Annotated[str, Form(max_length=60)]) -> Response:
    """Posters with this code open nothing any more, until that is taken back."""
    here, now = at.here, at.clock.now()
    try:
        at.one(campaign_id)
        claim_links.revoke(at.session, here.district.id, here.principal, campaign_id, token=token, now=now)
    except NotFound:
        return at.not_found()
    return _to(at, campaign_id, f"withdrawn&token={token}")


@pages.post(PAGE + "/bring-back", dependencies=OWN_FORM)
def bring_back(campaign_id: uuid.UUID, at: AtDesk, token: Annotated[str, Form(max_length=60)]) -> Response:
    """Take a withdrawal back."""
    here = at.here
    try:
        at.one(campaign_id)
        claim_links.restore(at.session, here.district.id, here.principal, campaign_id, token=token)
    except NotFound:
        return at.not_found()
    return _to(at, campaign_id, "back")


def _to(at: EditorDesk, campaign_id: uuid.UUID, said: str) -> Response:
    address = at.address(PAGE.format(campaign_id=campaign_id))
    return RedirectResponse(f"{address}?said={said}", HTTPStatus.SEE_OTHER)


@pages.get(PAGE + "/{token}")
def poster(campaign_id: uuid.UUID, token: str, at: AtDesk, paper: Paper = Paper.A4) -> Response:
    """The sheet to print, in Chinese and English."""
    here = at.here
    try:
        campaign = at.one(campaign_id)
        if token not in claim_links.tokens(at.session, here.district.id, here.principal, campaign_id):
            raise NotFound("No such code.")
    except NotFound:
        return at.not_found()
    address = _address(at.request, here, token)
    return at.show(
        "merchant/poster.html",
        campaign=campaign,
        paper=paper,
        papers=tuple(Paper),
        address=address,
        code=_code(address),
        worths={language.value: _worth(here, campaign, language) for language in Language},
        stores=_names(at, campaign),
        back=at.address(PAGE.format(campaign_id=campaign_id)),
    )


def _names(at: EditorDesk, campaign: CampaignOut) -> list[str]:
    """What the campaign's open shops are called, in its order."""
    wanted = stores.seen_by(at.here.principal, at.here.district).where(
        Store.id.in_(campaign.store_ids), Store.closed_at.is_(None)
    )
    views = stores.views(at.session, at.here.district, list(at.session.scalars(wanted)))
    names = {view.id: view.name for view in views}
    return [names[one] for one in campaign.store_ids if names.get(one)]


def _worth(here: Staff, campaign: CampaignOut, language: Language) -> str:
    """What it is worth, in a language that need not be the page's. A price that only the shop tells is not printed."""
    value = dict(campaign.offer.get("value", {}))
    value = {name: part for name, part in value.items() if name not in {"price_minor", "regular_minor"}}
    with speaking(Tongue(language=language, zone=here.district.zone, currency=here.district.currency)):
        return worth(value)


router = in_both_consoles(pages)
