"""Posters of a campaign: who scans one may claim its offer. Codes made and withdrawn, printed on A4 or A6 in both languages."""

import uuid
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from sqlalchemy.orm import Session

from district.campaigns.schemas import CampaignOut
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.offers import claim_links
from district.problems import Conflict, NotFound
from district.web.explained import explained
from district.web.language import Language, Tongue, negotiate, speaking
from district.web.merchant_pages import MerchantStaff, not_found, one_campaign, own_stores, show
from district.web.security import require_own_form
from district.web.staff import Staff
from district.web.worth import worth
from push.offer import ClaimMode

router = APIRouter()
OWN_FORM = [Depends(require_own_form)]
PAGE = "/merchant/campaigns/{campaign_id}/posters"


class Paper(StrEnum):
    """What it is printed on."""

    A4 = "a4"
    A6 = "a6"


@router.get(PAGE)
def page(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    said: str = "",
    token: str = "",
) -> Response:
    """The codes that open the campaign's offer."""
    try:
        campaign = one_campaign(session, here, campaign_id)
    except NotFound:
        return not_found(request, here, clock)
    return _page(request, here, session, clock, campaign, said=said[:10], withdrawn=token[:60])


def _page(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    campaign: CampaignOut,
    *,
    said: str = "",
    withdrawn: str = "",
    error: str = "",
) -> Response:
    tokens = claim_links.tokens(session, here.district.id, here.principal, campaign.id)
    return show(
        request,
        here,
        clock,
        "merchant/posters.html",
        status=HTTPStatus.CONFLICT if error else HTTPStatus.OK,
        campaign=campaign,
        codes=[(token, _code(_address(request, here, token))) for token in tokens],
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


@router.post(PAGE, dependencies=OWN_FORM)
def create(
    campaign_id: uuid.UUID, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep
) -> Response:
    """One more code."""
    try:
        claim_links.create(session, here.district.id, here.principal, campaign_id, now=clock.now())
    except NotFound:
        return not_found(request, here, clock)
    except Conflict as refused:
        campaign = one_campaign(session, here, campaign_id)
        words = explained(refused, negotiate(request))
        return _page(request, here, session, clock, campaign, error=words)
    return _to(campaign_id, "made")


@router.post(PAGE + "/withdraw", dependencies=OWN_FORM)
def withdraw(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    token: Annotated[str, Form(max_length=60)],
) -> Response:
    """Posters with this code open nothing any more, until that is taken back."""
    try:
        claim_links.revoke(
            session, here.district.id, here.principal, campaign_id, token=token, now=clock.now()
        )
    except NotFound:
        return not_found(request, here, clock)
    return _to(campaign_id, f"withdrawn&token={token}")


@router.post(PAGE + "/bring-back", dependencies=OWN_FORM)
def bring_back(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    token: Annotated[str, Form(max_length=60)],
) -> Response:
    """Take a withdrawal back."""
    try:
        claim_links.restore(session, here.district.id, here.principal, campaign_id, token=token)
    except NotFound:
        return not_found(request, here, clock)
    return _to(campaign_id, "back")


def _to(campaign_id: uuid.UUID, said: str) -> Response:
    address = PAGE.format(campaign_id=campaign_id)
    return RedirectResponse(f"{address}?said={said}", HTTPStatus.SEE_OTHER)


@router.get(PAGE + "/{token}")
def poster(
    campaign_id: uuid.UUID,
    token: str,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    paper: Paper = Paper.A4,
) -> Response:
    """The sheet to print, in Chinese and English."""
    try:
        campaign = one_campaign(session, here, campaign_id)
        if token not in claim_links.tokens(session, here.district.id, here.principal, campaign_id):
            raise NotFound("No such code.")
    except NotFound:
        return not_found(request, here, clock)
    names = {store.id: store.name for store in own_stores(session, here)}
    address = _address(request, here, token)
    return show(
        request,
        here,
        clock,
        "merchant/poster.html",
        campaign=campaign,
        paper=paper,
        papers=tuple(Paper),
        address=address,
        code=_code(address),
        worths={language.value: _worth(here, campaign, language) for language in Language},
        stores=[names[one] for one in campaign.store_ids if names.get(one)],
        back=PAGE.format(campaign_id=campaign_id),
    )


def _worth(here: Staff, campaign: CampaignOut, language: Language) -> str:
    """What it is worth, in a language that need not be the page's. A price that only the shop tells is not printed."""
    value = dict(campaign.offer.get("value", {}))
    value = {name: part for name, part in value.items() if name not in {"price_minor", "regular_minor"}}
    with speaking(Tongue(language=language, zone=here.district.zone, currency=here.district.currency)):
        return worth(value)
