"""The sign-in page of the Wi-Fi: one request, no script, and a 303 to the gateway's own grant."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from district.auth import principals
from district.auth.codes import WrongCode
from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import SHOPPER_SESSION, IssuedToken, Principal
from district.clock import Clock, ClockDep
from district.districts.service import DistrictInfo, RegistryDep
from district.gateways import service as gateways
from district.gateways.dialect import Arrival, BadRedirect
from district.gateways.models import Gateway
from district.members import contacts
from district.members.contacts import Contact
from district.members.texts import ASKED, consent_text
from district.portal import service
from district.portal.routes import network_of
from district.problems import DistrictError, Invalid, TooMany, Unavailable
from district.web.language import gettext as _
from district.web.language import negotiate
from district.web.security import ForeignForm, require_own_form
from district.web.shells import shell_of
from district.web.templating import render
from push.consent import Purpose

router = APIRouter()
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
    error: str = ""

    @property
    def waits_for_code(self) -> bool:
        """A code was sent and is asked for now."""
        return bool(self.ticket)


async def own_member(request: Request, principal: Anyone) -> uuid.UUID | None:
    """The member of the browser's session; nobody when the form came from another site."""
    try:
        await require_own_form(request)
    except ForeignForm:
        return None
    return principal.subject_id if principal and principal.role is Role.SHOPPER else None


Known = Annotated[uuid.UUID | None, Depends(own_member)]


@router.get("/portal/{gateway}")
def show(gateway: str, request: Request, registry: RegistryDep, clock: ClockDep, known: Known) -> Response:
    """The sign-in page for whoever the gateway sent."""
    with request.app.state.sessions.begin() as session:
        district, row = gateways.find(session, registry, gateway)
        try:
            arrival = service.arrive(row, request.scope["query_string"], clock=clock)
        except BadRedirect as error:
            return refuse(request, district, error, clock)
        is_returning = known is not None or service.met_before(session, district, arrival)
    visit = Visit(
        request=request,
        district=district,
        gateway=row,
        arrival=arrival,
        is_returning=is_returning,
        clock=clock,
        known=known,
    )
    return page(visit, Filled())


@router.post("/portal/{gateway}")
def sign_in(
    gateway: str,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    known: Known,
    method: Annotated[str, Form(max_length=10)] = "click",
    phone: Annotated[str, Form(max_length=40)] = "",
    email: Annotated[str, Form(max_length=254)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
    ticket: Annotated[str, Form(max_length=64)] = "",
    marketing: Annotated[str, Form(max_length=5)] = "",
    location: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Send a code, or let the person in."""
    ticked = frozenset(purpose for purpose, box in zip(BOXES, (marketing, location), strict=True) if box)
    filled = Filled(method=method, phone=phone, email=email, ticket=ticket, ticked=ticked)
    with request.app.state.sessions.begin() as session:
        district, row = gateways.find(session, registry, gateway)
        try:
            arrival = service.arrive(row, request.scope["query_string"], clock=clock)
        except BadRedirect as error:
            return refuse(request, district, error, clock)
        is_returning = known is not None or service.met_before(session, district, arrival)
    visit = Visit(
        request=request,
        district=district,
        gateway=row,
        arrival=arrival,
        is_returning=is_returning,
        clock=clock,
        known=known,
    )
    try:
        return _proceed(visit, filled, code)
    except BadRedirect as error:
        return refuse(request, district, error, clock)
    except (Invalid, TooMany, Unavailable, WrongCode) as error:
        return page(visit, _with_error(filled, error), status=error.status)


def _with_error(filled: Filled, error: DistrictError) -> Filled:
    return Filled(
        method=filled.method,
        phone=filled.phone,
        email=filled.email,
        ticket=filled.ticket,
        ticked=filled.ticked,
        error=error.detail or error.title,
    )


def _proceed(visit: Visit, filled: Filled, code: str) -> Response:
    if filled.method not in visit.gateway.methods:
        raise Invalid("This way to sign in is not offered here.")
    if filled.method == "click":
        return _let_in(visit, filled, contact=None)
    contact = contacts.of(
        filled.phone if filled.method == "phone" else None,
        filled.email if filled.method == "email" else None,
        country=visit.district.country,
    )
    if not filled.ticket:
        return _send_code(visit, filled, contact)
    service.verify(
        visit.sessions, visit.district, contact, code=code, ticket=filled.ticket, clock=visit.clock
    )
    return _let_in(visit, filled, contact=contact)


def _send_code(visit: Visit, filled: Filled, contact: Contact) -> Response:
    with visit.sessions.begin() as session:
        ticket = service.send_code(
            session,
            visit.district,
            contact,
            network=network_of(visit.request),
            clock=visit.clock,
            is_possible=visit.request.app.state.settings.demo_console_codes,
        )
    values = {filled.method: contact.value}
    return page(visit, Filled(method=filled.method, ticket=ticket, ticked=filled.ticked, **values))


def _let_in(visit: Visit, filled: Filled, *, contact: Contact | None) -> Response:
    asks = not visit.is_returning or contact is not None
    choice = service.Choice(
        language=negotiate(visit.request).value,
        consents={purpose: purpose in filled.ticked for purpose in BOXES} if asks else {},
        contact=contact,
        known=visit.known,
        is_demo=bool(visit.district.label),
    )
    with visit.sessions.begin() as session:
        done = service.sign_in(
            session, visit.district, visit.gateway, visit.arrival, choice, clock=visit.clock
        )
    dialect = gateways.DIALECTS[visit.gateway.vendor]
    target = dialect.grant(gateways.info_of(visit.gateway), visit.arrival, landing_url=landing_url(visit))
    response = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
    if done.token is not None:
        remember(visit.request, response, done.token)
    return response


def landing_url(visit: Visit) -> str:
    """Our page after the sign-in; what the shopper wanted is shown there as text."""
    base = (
        visit.gateway.public_url or str(visit.request.base_url).rstrip("/") + f"/portal/{visit.gateway.slug}"
    )
    parts = urlsplit(base)
    query = {"ap": visit.arrival.access_point_mac, "to": visit.arrival.wanted_url}
    query["lang"] = negotiate(visit.request).value
    return f"{parts.scheme}://{parts.netloc}/portal/{visit.gateway.slug}/welcome?" + urlencode(
        {name: value for name, value in query.items() if value}
    )


def remember(request: Request, response: Response, token: IssuedToken) -> None:
    """Keep the session in the browser; on TLS under a name that binds it to this origin."""
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        principals.SECURE_COOKIE if is_secure else principals.COOKIE,
        token.token,
        max_age=int(SHOPPER_SESSION.total_seconds()),
        httponly=True,
        secure=is_secure,
        samesite="lax",
        path="/",
    )


def page(visit: Visit, filled: Filled, *, status: int = HTTPStatus.OK) -> HTMLResponse:
    """The sign-in page, asking what it still needs."""
    speaks = negotiate(visit.request).value
    texts = {purpose.value: consent_text(purpose, channel, speaks).text for purpose, channel in ASKED}
    origins = _grant_origins(visit)
    return render(
        visit.request,
        "portal/sign_in.html",
        shell=shell_of(visit.request, visit.district),
        now=visit.clock.now(),
        status_code=status,
        form_targets=origins,
        keeps_cookies=False,
        filled=filled,
        methods=visit.gateway.methods,
        is_returning=visit.is_returning,
        boxes=[purpose.value for purpose in BOXES],
        texts=texts,
        action=f"{visit.request.url.path}?{visit.request.scope['query_string'].decode('latin-1')}",
    )


def _grant_origins(visit: Visit) -> tuple[str, ...]:
    """Browsers hold ``form-action`` against the 303 as well, so the gateway's origin is named."""
    address = visit.arrival.grant.get("address")
    return (f"http://{address}",) if address else ()


def refuse(request: Request, district: DistrictInfo, error: BadRedirect, clock: Clock) -> HTMLResponse:
    """A friendly page that says how to try again; the reason is there for the operator, small."""
    return render(
        request,
        "portal/refused.html",
        shell=shell_of(request, district),
        now=clock.now(),
        status_code=HTTPStatus.BAD_REQUEST,
        keeps_cookies=False,
        reason=error.detail,
    )


@router.get("/portal/{gateway}/welcome")
def welcome(
    gateway: str,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    principal: Anyone,
    ap: str = "",
    to: str = "",
) -> HTMLResponse:
    """On line: what to do next. The address that was wanted is text, never a link."""
    with request.app.state.sessions.begin() as session:
        district, _row = gateways.find(session, registry, gateway)
    return render(
        request,
        "portal/welcome.html",
        shell=shell_of(request, district, principal),
        now=clock.now(),
        links=_next_steps(district, principal, ap),
        wanted=to[:300],
    )


def _next_steps(district: DistrictInfo, principal: Principal | None, ap: str) -> list[Mapping[str, str]]:
    query = f"?{urlencode({'ap': ap})}" if ap else ""
    steps: list[Mapping[str, str]] = [
        {"href": f"/d/{district.slug}/nearest{query}", "label": _("Shops near me"), "icon": "pin"}
    ]
    if principal is not None and principal.role is Role.SHOPPER:
        steps.insert(0, {"href": f"/d/{district.slug}/inbox", "label": _("My offers"), "icon": "inbox"})
        steps.append(
            {"href": f"/d/{district.slug}/privacy", "label": _("What I agreed to"), "icon": "shield"}
        )
    return steps
