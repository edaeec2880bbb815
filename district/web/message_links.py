"""Where the addresses in messages lead: to the offer, and to the end of such messages. Neither asks for a login.

Looking changes nothing, for programs look at links before people do. Whoever holds a stop address may stop and, for an
hour, take that back; it shows no name, number or coupon. An offer's address opens the coupon in its member's own browser
alone: everybody else sees what a poster would say.
"""

import uuid
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.principals import Anyone
from district.campaigns.models import Campaign, CampaignStore
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo, Registry, RegistryDep
from district.members import stops
from district.members.models import Member
from district.members.stops import Stop, StopScope
from district.merchants.models import Merchant
from district.offers import links
from district.offers.links import Linked, LinkKind
from district.offers.models import Offer
from district.portal.routes import evidence_of
from district.problems import NotFound, Unavailable
from district.stores.public import stores_of
from district.web.channel_words import channel_word
from district.web.language import negotiate
from district.web.shells import shell_of
from district.web.templating import render
from push.wording import Localised

router = APIRouter()
ONE_CLICK = "One-Click"
"""RFC 8058 §3.2: what a mail program sends, without asking and without cookies."""
MOST_TOKEN = 64
MOST_STORES = 3
CLAIMED = frozenset({"open", "drop"})
"""Ways of claiming that are open to everybody; a poster's is not."""


@dataclass(frozen=True, kw_only=True)
class Addressed:
    """What a link leads to, in its district."""

    linked: Linked
    district: DistrictInfo
    member: Member | None


def _find(request: Request, session: Session, registry: Registry, kind: LinkKind, token: str) -> Addressed:
    """Raises: NotFound for what nobody signed."""
    secret = request.app.state.settings.secret
    text = secret.get_secret_value() if secret else ""
    linked = links.find(session, registry.by_id, text, kind, token[:MOST_TOKEN])
    district = registry.by_id.get(linked.district_id) if linked else None
    if linked is None or district is None:
        raise NotFound(
            "This address leads nowhere: it was cut off or changed. Open it from the message again.",
            detail_zh="此链接无效：可能被截断或改动。请从原消息中重新打开。",
        )
    member = session.get(Member, (linked.district_id, linked.member_id)) if linked.member_id else None
    return Addressed(linked=linked, district=district, member=member)


def _show(request: Request, found: Addressed, clock: Clock, template: str, **values: Any) -> Response:
    response = render(
        request,
        template,
        shell=shell_of(request, found.district),
        now=clock.now(),
        base=f"/d/{found.district.slug}",
        **values,
    )
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-robots-tag"] = "noindex"
    return response


@router.get("/s/{token}")
def show_stop(
    token: str, request: Request, registry: RegistryDep, session: DbSession, clock: ClockDep
) -> Response:
    """What can be stopped, a button for each."""
    return _stop_page(request, session, _find(request, session, registry, LinkKind.STOP, token), clock)


@router.post("/s/{token}")
def stop(
    token: str,
    request: Request,
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
    scope: Annotated[StopScope | None, Form()] = None,
    is_undone: Annotated[str, Form(alias="undo", max_length=1)] = "",
    one_click: Annotated[str, Form(alias="List-Unsubscribe", max_length=20)] = "",
) -> Response:
    """Stop, or take that back. The address itself is the permission: mail programs send no cookie."""
    found = _find(request, session, registry, LinkKind.STOP, token)
    is_one_click = one_click == ONE_CLICK
    wanted = StopScope.CHANNEL if is_one_click else scope
    if wanted is None or found.member is None:
        return _stop_page(request, session, found, clock)
    told = _stop_of(found.linked, wanted)
    evidence = replace(evidence_of(request), proof=told.source)
    act = stops.undo if is_undone == "1" and not is_one_click else stops.stop
    act(session, found.district, found.member, told, at=clock.now(), evidence=evidence)
    if is_one_click:
        return Response(status_code=HTTPStatus.OK, headers={"Cache-Control": "no-store"})
    return _stop_page(request, session, found, clock, done=wanted, is_undone=is_undone == "1")


def _stop_of(linked: Linked, scope: StopScope) -> Stop:
    source = f"link:{linked.offer_id}"
    return Stop(scope=scope, channel=linked.channel, merchant_id=linked.merchant_id, source=source)


def _stop_page(
    request: Request,
    session: Session,
    found: Addressed,
    clock: Clock,
    *,
    done: StopScope | None = None,
    is_undone: bool = False,
) -> Response:
    linked, member = found.linked, found.member
    scopes = [one for one in StopScope if one is not StopScope.MERCHANT or linked.merchant_id is not None]
    stopped = {
        one: member is None or stops.is_stopped(session, found.district, member.id, _stop_of(linked, one))
        for one in scopes
    }
    return _show(
        request,
        found,
        clock,
        "member/stop.html",
        scopes=scopes,
        stopped=stopped,
        done=done,
        is_undone=is_undone,
        is_gone=member is None,
        merchant=_merchant(request, session, found),
        channel=linked.channel,
        channel_word=channel_word,
    )


def _merchant(request: Request, session: Session, found: Addressed) -> str:
    if found.linked.merchant_id is None:
        return ""
    row = session.get(Merchant, (found.district.id, found.linked.merchant_id))
    if row is None:
        return ""
    return (row.name_zh if negotiate(request).value == "zh" else "") or row.name


@router.get("/m/{token}")
def show_offer(
    token: str,
    request: Request,
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
    caller: Anyone,
) -> Response:
    """The member's coupon in his own browser; for anybody else the offer as a poster would tell of it."""
    found = _find(request, session, registry, LinkKind.OFFER, token)
    linked, district = found.linked, found.district
    coupon = f"/d/{district.slug}/offers/{linked.offer_id}"
    is_shopper = caller is not None and caller.role is Role.SHOPPER and caller.district_id == district.id
    if is_shopper and caller is not None and caller.subject_id == linked.member_id:
        links.note_opened(session, linked, machine_now=clock.machine_now())
        return RedirectResponse(coupon, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
    return _public_side(request, session, found, clock, is_member=is_shopper)


def _public_side(
    request: Request, session: Session, found: Addressed, clock: Clock, *, is_member: bool
) -> Response:
    offer = session.get(Offer, (found.district.id, found.linked.offer_id))
    if offer is None:
        raise NotFound("This offer is gone.", detail_zh="这条优惠已不存在。")
    campaign = session.get_one(Campaign, (offer.district_id, offer.campaign_id))
    mode = (campaign.offer.get("claim") or {}).get("mode")
    language = negotiate(request).value
    return _show(
        request,
        found,
        clock,
        "member/offer_link.html",
        title=_words(offer.title, language),
        text=_words(offer.text, language),
        merchant=_merchant(request, session, found),
        stores=_stores(request, session, found.district, campaign.id),
        is_member=is_member,
        claim=f"/d/{found.district.slug}/centre/{campaign.id}" if mode in CLAIMED else "",
        sign_in=f"/d/{found.district.slug}/sign-in?next=/d/{found.district.slug}/offers/{offer.id}",
    )


def _words(words: dict[str, Any], language: str) -> str:
    """What is kept with the offer names nobody: only the message called its member by name."""
    known = {name: words.get(name) for name in ("zh", "en")}
    if not any(known.values()):
        return ""
    return known.get(language) or Localised(**known).zh or known["en"] or ""


def _stores(
    request: Request, session: Session, district: DistrictInfo, campaign_id: uuid.UUID
) -> list[tuple[uuid.UUID, str]]:
    """Where it can be used, as far as the list of stores is known."""
    try:
        book = stores_of(request, district.slug)
    except Unavailable:
        return []
    wanted = select(CampaignStore.store_id).where(
        CampaignStore.district_id == district.id, CampaignStore.campaign_id == campaign_id
    )
    store_ids = session.scalars(wanted.order_by(CampaignStore.store_id)).all()
    language = negotiate(request).value
    rows = [book.rows[one] for one in store_ids if one in book.rows][:MOST_STORES]
    return [(book.stores[row].id, book.stores[row].title(language) or book.stores[row].ref) for row in rows]
