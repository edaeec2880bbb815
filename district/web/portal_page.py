"""What the portal's pages show: the sign-in form, the refusal of a worn redirect, and what comes after."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from district.auth.models import Role
from district.auth.service import Principal
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.dialect import Arrival, BadRedirect
from district.gateways.models import Gateway
from district.gateways.sign_in_options import Variant
from district.members.texts import ASKED, consent_text
from district.web import security
from district.web.language import gettext as _
from district.web.language import negotiate
from district.web.portal_form import BOXES, Filled
from district.web.portal_offers import Offer, offers_today
from district.web.shells import shell_of
from district.web.templating import render
from push.consent import Purpose


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request to the sign-in page: the gateway, who stands there, and who the browser says he is."""

    request: Request
    district: DistrictInfo
    gateway: Gateway
    arrival: Arrival
    is_returning: bool
    clock: Clock
    known: uuid.UUID | None
    asked: tuple[Purpose, ...] = BOXES
    """What a tap must answer: everything of a newcomer, changed words of a known member."""
    has_new_terms: bool = False
    ways: tuple[str, ...] = ()
    """The methods that are open to who stands there."""
    providers: Mapping[str, str] = field(default_factory=dict)
    """What the buttons of providers say, by method."""
    least_age: int | None = None
    """The age that is asked about; None: it is not."""
    variant: Variant = Variant.PLAIN
    shows_offers: bool = False

    @property
    def sessions(self) -> Any:
        """Sessions that commit by themselves."""
        return self.request.app.state.sessions


def origin_of(request: Request, gateway: Gateway) -> str:
    """The portal's own origin, as the gateway's clients know it."""
    settings = request.app.state.settings
    parts = urlsplit(gateway.public_url or settings.public_url or str(request.base_url))
    return f"{parts.scheme}://{parts.netloc}"


def landing_url(visit: Visit) -> str:
    """Our page after the sign-in; what the shopper wanted is shown there as text."""
    query = {"ap": visit.arrival.access_point_mac, "to": visit.arrival.wanted_url}
    query["lang"] = negotiate(visit.request).value
    return f"{origin_of(visit.request, visit.gateway)}/portal/{visit.gateway.slug}/welcome?" + urlencode(
        {name: value for name, value in query.items() if value}
    )


def page(visit: Visit, filled: Filled, *, status: int = HTTPStatus.OK) -> HTMLResponse:
    """The sign-in page, asking what it still needs."""
    if filled.error:
        # Pressing again is then the same form, which goes on where it stopped.
        security.keep_form_token(visit.request, filled.form_token)
    speaks = negotiate(visit.request).value
    texts = {purpose.value: consent_text(purpose, channel, speaks).text for purpose, channel in ASKED}
    return render(
        visit.request,
        "portal/sign_in.html",
        shell=shell_of(visit.request, visit.district),
        now=visit.clock.now(),
        status_code=status,
        form_targets=(*visit.arrival.grant_origins, *_provider_targets(visit)),
        keeps_cookies=False,
        filled=filled,
        methods=visit.ways,
        providers=visit.providers,
        is_real_name=visit.gateway.is_real_name,
        least_age=visit.least_age,
        variant=visit.variant,
        offers=_offers(visit, filled),
        is_returning=visit.is_returning,
        boxes=[purpose.value for purpose in BOXES],
        asked=[purpose.value for purpose in visit.asked],
        has_new_terms=visit.has_new_terms,
        terms_url=f"/d/{visit.district.slug}/terms?lang={speaks}",
        texts=texts,
        action=f"{visit.request.url.path}?{visit.request.scope['query_string'].decode('latin-1')}",
    )


def _offers(visit: Visit, filled: Filled) -> tuple[Offer, ...]:
    if not visit.shows_offers or filled.waits_for_code:
        return ()
    return offers_today(visit.request, visit.district, visit.clock)


def _provider_targets(visit: Visit) -> tuple[str, ...]:
    """A provider may lead on over hosts of its own, and browsers hold each against the page's ``form-action``."""
    if not visit.providers:
        return ()
    return ("https:", "http:") if visit.request.app.state.settings.webhook_allow_private else ("https:",)


def refuse(
    request: Request, district: DistrictInfo, error: BadRedirect, clock: Clock, *, again_url: str = ""
) -> HTMLResponse:
    """A friendly page that says how to try again, by one tap where the gateway makes a fresh redirect on demand.

    The reason is there for the operator, small.
    """
    return render(
        request,
        "portal/refused.html",
        shell=shell_of(request, district),
        now=clock.now(),
        status_code=HTTPStatus.BAD_REQUEST,
        keeps_cookies=False,
        reason=error.detail,
        again_url=again_url,
    )


def next_steps(district: DistrictInfo, principal: Principal | None, ap: str) -> list[Mapping[str, str]]:
    """Where to go from the welcome page; labels are translated where they are shown."""
    query = f"?{urlencode({'ap': ap})}" if ap else ""
    near = {
        "href": f"/d/{district.slug}/nearest{query}",
        "label": _("Shops near me"),
        "text": _("Open now, nearest first"),
        "icon": "pin",
    }
    if principal is None or principal.role is not Role.SHOPPER:
        return [near]
    offers = {
        "href": f"/d/{district.slug}/inbox",
        "label": _("My offers"),
        "text": _("What was sent to me, and why"),
        "icon": "inbox",
    }
    agreed = {
        "href": f"/d/{district.slug}/privacy",
        "label": _("What I agreed to"),
        "text": _("Change it or leave at any time"),
        "icon": "shield",
    }
    walk = {
        "href": "/demo/be-a-shopper",
        "label": _("Walk with my own pin"),
        "text": _("Drag it past a shop and get its offer"),
        "icon": "map",
    }
    return [walk, offers, near, agreed] if district.label else [offers, near, agreed]
