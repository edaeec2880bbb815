"""What the portal's pages show: the sign-in form, the refusal of a worn redirect, and what comes after."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from district.members.texts import ASKED, consent_text
from district.problems import DistrictError
from district.web import security
from district.web.explained import explained
from district.web.language import gettext as _
from district.web.language import negotiate
from district.web.shells import shell_of
from district.web.templating import render
from push.consent import Purpose

BOXES = (Purpose.MARKETING, Purpose.LOCATION)


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

    @property
    def sessions(self) -> Any:
        """Sessions that commit by themselves."""
        return self.request.app.state.sessions


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What stands in the form when it is shown again."""

    method: str = ""
    phone: str = ""
    email: str = ""
    ticket: str = ""
    ticked: frozenset[Purpose] = field(default_factory=frozenset)
    form_token: str = ""
    """The secret of the page that the form stood on."""
    error: str = ""

    @property
    def waits_for_code(self) -> bool:
        """A code was sent and is asked for now."""
        return bool(self.ticket)

    def with_error(self, error: DistrictError, request: Request) -> "Filled":
        """The same form, saying what went wrong."""
        return replace(self, error=explained(error, negotiate(request)))


def landing_url(visit: Visit) -> str:
    """Our page after the sign-in; what the shopper wanted is shown there as text."""
    settings = visit.request.app.state.settings
    parts = urlsplit(visit.gateway.public_url or settings.public_url or str(visit.request.base_url))
    query = {"ap": visit.arrival.access_point_mac, "to": visit.arrival.wanted_url}
    query["lang"] = negotiate(visit.request).value
    return f"{parts.scheme}://{parts.netloc}/portal/{visit.gateway.slug}/welcome?" + urlencode(
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
        form_targets=visit.arrival.grant_origins,
        keeps_cookies=False,
        filled=filled,
        methods=visit.gateway.methods,
        is_returning=visit.is_returning,
        boxes=[purpose.value for purpose in BOXES],
        texts=texts,
        action=f"{visit.request.url.path}?{visit.request.scope['query_string'].decode('latin-1')}",
    )


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
