"""The sign-in page of the Wi-Fi: one request, no script, and a 303 to the gateway's own grant."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse

from district.auth.codes import WrongCode
from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.districts.service import Registry, RegistryDep
from district.gateways import service as gateways
from district.gateways.dialect import BadRedirect, GatewayNotice
from district.gateways.poll_routes import Polled
from district.gateways.routes import portal_url
from district.members import contacts
from district.members.contacts import Contact
from district.portal import service
from district.problems import Invalid, TooMany, Unavailable
from district.proxies import network_of
from district.web.language import negotiate
from district.web.portal_notice import tell
from district.web.portal_page import BOXES, Filled, Visit, next_steps, page, refuse
from district.web.portal_steps import send_on, taken_up
from district.web.security import ForeignForm, require_own_form
from district.web.shells import shell_of
from district.web.templating import render

router = APIRouter()


async def own_shopper(request: Request, principal: Anyone) -> Principal | None:
    """The shopper of the browser's session; nobody when the form came from another site."""
    try:
        await require_own_form(request)
    except ForeignForm:
        return None
    return principal if principal and principal.role is Role.SHOPPER else None


OwnShopper = Annotated[Principal | None, Depends(own_shopper)]


def _visit(
    gateway: str, request: Request, registry: Registry, clock: Clock, shopper: Principal | None
) -> Visit | Response:
    """Who stands before the page, or the page that refuses a worn redirect. Raises: NotFound."""
    with request.app.state.sessions.begin() as session:
        district, row = gateways.find(session, registry, gateway)
        try:
            arrival = service.arrive(
                row, request.scope["query_string"], clock=clock, portal_url=portal_url(request, row)
            )
        except GatewayNotice as notice:
            return tell(request, district, row, notice, clock)
        except BadRedirect as error:
            return refuse(request, district, error, clock)
        arrival = gateways.with_first_sight(session, row, arrival, clock=clock)
        known = shopper.subject_id if shopper and shopper.district_id == district.id else None
        is_returning = known is not None or service.met_before(session, district, arrival, clock=clock)
    return Visit(
        request=request,
        district=district,
        gateway=row,
        arrival=arrival,
        is_returning=is_returning,
        clock=clock,
        known=known,
    )


@router.get("/portal/{gateway}")
def show(
    gateway: str,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    shopper: OwnShopper,
    polled: Polled,
) -> Response:
    """The sign-in page for whoever the gateway sent; a poll of the gateway itself has its own answer."""
    if polled is not None:
        return polled
    visit = _visit(gateway, request, registry, clock, shopper)
    if not isinstance(visit, Visit):
        return visit
    return taken_up(visit) or page(visit, Filled())


@router.post("/portal/{gateway}")
def sign_in(
    gateway: str,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    shopper: OwnShopper,
    polled: Polled,
    method: Annotated[str, Form(max_length=10)] = "click",
    phone: Annotated[str, Form(max_length=40)] = "",
    email: Annotated[str, Form(max_length=254)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
    ticket: Annotated[str, Form(max_length=64)] = "",
    marketing: Annotated[str, Form(max_length=5)] = "",
    location: Annotated[str, Form(max_length=5)] = "",
    form_token: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Send a code, or let the person in; a poll of the gateway itself has its own answer."""
    if polled is not None:
        return polled
    ticked = frozenset(purpose for purpose, box in zip(BOXES, (marketing, location), strict=True) if box)
    filled = Filled(
        method=method, phone=phone, email=email, ticket=ticket, ticked=ticked, form_token=form_token
    )
    visit = _visit(gateway, request, registry, clock, shopper)
    if not isinstance(visit, Visit):
        return visit
    try:
        return _proceed(visit, filled, code)
    except BadRedirect as error:
        return refuse(request, visit.district, error, clock, again_url=visit.arrival.again_url)
    except (Invalid, TooMany, Unavailable, WrongCode) as error:
        return page(visit, filled.with_error(error, request), status=error.status)


def _proceed(visit: Visit, filled: Filled, code: str) -> Response:
    if filled.method not in visit.gateway.methods:
        raise Invalid("This way to sign in is not offered here.", detail_zh="这里不提供这种登录方式。")
    if filled.method == "click":
        return _let_in(visit, filled, contact=None)
    contact = contacts.of(
        filled.phone if filled.method == "phone" else None,
        filled.email if filled.method == "email" else None,
        country=visit.district.country,
    )
    if not filled.ticket:
        return _send_code(visit, filled, contact)
    try:
        code_id = service.compare_code(
            visit.sessions, visit.district, contact, code=code, ticket=filled.ticket, clock=visit.clock
        )
    except WrongCode:
        again = _answered_before(visit, _choice(visit, filled, contact=contact))
        if again is None:
            raise
        return again
    return _let_in(visit, filled, contact=contact, code_id=code_id)


def _send_code(visit: Visit, filled: Filled, contact: Contact) -> Response:
    with visit.sessions.begin() as session:
        ticket = service.send_code(
            session,
            visit.district,
            contact,
            network=network_of(visit.request),
            clock=visit.clock,
            is_possible=visit.request.app.state.settings.demo_console_codes,
            arrival=visit.arrival,
        )
    values = {filled.method: contact.value}
    return page(visit, Filled(method=filled.method, ticket=ticket, ticked=filled.ticked, **values))


def _choice(
    visit: Visit, filled: Filled, *, contact: Contact | None, code_id: uuid.UUID | None = None
) -> service.Choice:
    asks = not visit.is_returning or contact is not None
    return service.Choice(
        language=negotiate(visit.request).value,
        consents={purpose: purpose in filled.ticked for purpose in BOXES} if asks else {},
        contact=contact,
        code_id=code_id,
        form_hash=service.hash_of_form(
            filled.form_token, filled.method, contact.value if contact else "", filled.ticket
        ),
        known=visit.known,
        is_demo=bool(visit.district.label),
    )


def _let_in(
    visit: Visit, filled: Filled, *, contact: Contact | None, code_id: uuid.UUID | None = None
) -> Response:
    choice = _choice(visit, filled, contact=contact, code_id=code_id)
    with visit.sessions.begin() as session:
        done = service.sign_in(
            session, visit.district, visit.gateway, visit.arrival, choice, clock=visit.clock
        )
    return send_on(visit, done)


def _answered_before(visit: Visit, choice: service.Choice) -> Response | None:
    """The answer of the first press, whose code this press finds used up."""
    with visit.sessions.begin() as session:
        done = service.pressed_again(
            session, visit.district, visit.gateway, visit.arrival, choice, clock=visit.clock
        )
    return None if done is None else send_on(visit, done)


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
        links=next_steps(district, principal, ap),
        wanted=to[:300],
    )
