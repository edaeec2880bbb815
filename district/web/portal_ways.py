"""Each way through the sign-in page, from a sent form to the gateway's own step."""

import uuid
from functools import partial
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from district.auth.codes import WrongCode
from district.districts.service import DistrictInfo
from district.gateways.models import Gateway
from district.members import contacts
from district.members.contacts import Contact
from district.portal import oidc, oidc_provider, service, text_providers, texting
from district.portal.choice import Identity
from district.portal.outbound import ask, policy_of
from district.portal.routes import says_gpc
from district.problems import Invalid
from district.proxies import address_of, network_of
from district.vouchers import service as vouchers
from district.web.language import negotiate
from district.web.portal_form import BOXES, Filled
from district.web.portal_page import Visit, origin_of, page
from district.web.portal_steps import send_on

BROWSER_COOKIE = "sign_in_browser"
TEXT_COOKIE = "sign_in_text"


def proceed(visit: Visit, filled: Filled) -> Response:
    """Send a code or the browser to a provider, or let the person in. Raises: what the page explains."""
    if filled.method not in visit.ways:
        raise Invalid("This way to sign in is not offered here.", detail_zh="这里不提供这种登录方式。")
    if filled.method.startswith(oidc.METHOD_MARK):
        _check_age(visit, filled)
        return _depart(visit, filled)
    if filled.method.startswith(text_providers.METHOD_MARK):
        _check_age(visit, filled)
        return _show_code(visit, filled)
    if filled.method == "click":
        _check_age(visit, filled)
        return let_in(visit, filled)
    if filled.method == "voucher":
        _check_age(visit, filled)
        return _by_voucher(visit, filled)
    return _by_contact(visit, filled)


def _check_age(visit: Visit, filled: Filled) -> None:
    if visit.least_age is not None and filled.is_of_age is None:
        raise Invalid(
            f"Say whether you are {visit.least_age} or older.",
            detail_zh=f"请选择您是否已满 {visit.least_age} 周岁。",
        )


def _by_contact(visit: Visit, filled: Filled) -> Response:
    contact = contacts.of(
        filled.phone if filled.method == "phone" else None,
        filled.email if filled.method == "email" else None,
        country=visit.district.country,
    )
    if not filled.ticket:
        return _send_code(visit, filled, contact)
    _check_age(visit, filled)
    try:
        code_id = service.compare_code(
            visit.sessions,
            visit.district,
            contact,
            code=filled.code,
            ticket=filled.ticket,
            clock=visit.clock,
        )
    except WrongCode:
        again = _answered_before(visit, _choice(visit, filled, contact=contact))
        if again is None:
            raise
        return again
    return let_in(visit, filled, contact=contact, code_id=code_id)


def _send_code(visit: Visit, filled: Filled, contact: Contact) -> Response:
    with visit.sessions.begin() as session:
        ticket = service.send_code(
            session,
            visit.district,
            contact,
            network=network_of(visit.request),
            clock=visit.clock,
            language=negotiate(visit.request).value,
            is_shown=visit.request.app.state.settings.demo_console_codes,
            arrival=visit.arrival,
            gateway=visit.gateway,
        )
    values = {filled.method: contact.value}
    return page(
        visit, Filled(method=filled.method, ticket=ticket, ticked=filled.ticked, age=filled.age, **values)
    )


def _by_voucher(visit: Visit, filled: Filled) -> Response:
    """A try is counted for good before anything is looked up; a right one is taken back where it lets in."""
    code = vouchers.read(filled.voucher)
    choice = _choice(visit, filled, voucher=code)
    vouchers.count_try(
        visit.sessions,
        visit.district,
        device=service.device_of(visit.district, visit.arrival),
        network=choice.network,
        clock=visit.clock,
    )
    return _enter(visit, choice)


def _depart(visit: Visit, filled: Filled) -> Response:
    """To the provider; its hosts must be reachable before the sign-in. Nothing is held while it is asked."""
    settings = visit.request.app.state.settings
    with visit.sessions() as session:
        provider = oidc.find(session, visit.district.id, filled.method.removeprefix(oidc.METHOD_MARK))
    described = ask(partial(oidc_provider.describe, provider.issuer, policy_of(settings)))
    with visit.sessions.begin() as session:
        oidc.count_departure(
            session,
            visit.district,
            device=service.device_of(visit.district, visit.arrival),
            network=network_of(visit.request),
            clock=visit.clock,
        )
        departure = oidc.begin(
            session,
            provider,
            visit.gateway,
            described,
            redirect_uri=redirect_uri(visit.request, visit.district, visit.gateway, provider.slug),
            raw_query=visit.request.scope["query_string"],
            form=filled.carried,
            clock=visit.clock,
        )
    response = RedirectResponse(departure.url, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        BROWSER_COOKIE,
        departure.browser,
        max_age=int(oidc.LIFE.total_seconds()),
        path="/oidc/",
        httponly=True,
        samesite="lax",
        secure=visit.request.url.scheme == "https",
    )
    return response


def _show_code(visit: Visit, filled: Filled) -> Response:
    """To the page that shows the code for a text message and waits; this browser alone can go on from it."""
    with visit.sessions.begin() as session:
        provider = text_providers.of_gateway(session, visit.gateway)[filled.method]
        texting.count_showing(
            session,
            visit.district,
            device=service.device_of(visit.district, visit.arrival),
            network=network_of(visit.request),
            is_vouched=visit.arrival.is_signed,
            clock=visit.clock,
        )
        begun = texting.begin(
            session,
            visit.gateway,
            provider,
            raw_query=visit.request.scope["query_string"],
            form=filled.carried,
            clock=visit.clock,
        )
    lang = negotiate(visit.request).value
    address = f"/portal/{visit.gateway.slug}/text"
    response = RedirectResponse(f"{address}/{begun.id}?lang={lang}", HTTPStatus.SEE_OTHER)
    response.set_cookie(
        TEXT_COOKIE,
        begun.browser,
        max_age=int((texting.LIFE + texting.FINISHED_WITHIN).total_seconds()),
        path=address,
        httponly=True,
        samesite="lax",
        secure=visit.request.url.scheme == "https",
    )
    return response


def redirect_uri(request: Request, district: DistrictInfo, gateway: Gateway, provider: str) -> str:
    """Where a provider sends browsers back to, under the portal's own origin."""
    return f"{origin_of(request, gateway)}/oidc/{district.slug}/{provider}/callback"


def _choice(
    visit: Visit,
    filled: Filled,
    *,
    contact: Contact | None = None,
    code_id: uuid.UUID | None = None,
    join_id: uuid.UUID | None = None,
    voucher: str = "",
    identity: Identity | None = None,
) -> service.Choice:
    asked = BOXES if contact is not None or identity is not None else visit.asked
    said = contact.value if contact else voucher or (identity.subject if identity else "")
    return service.Choice(
        language=negotiate(visit.request).value,
        consents={purpose: purpose in filled.ticked for purpose in asked},
        contact=contact,
        code_id=code_id,
        join_id=join_id,
        voucher=voucher,
        identity=identity,
        form_hash=service.hash_of_form(
            filled.form_token, filled.method, said, filled.ticket or str(join_id or "")
        ),
        known=visit.known,
        is_of_age=filled.is_of_age if visit.least_age is not None else None,
        network=network_of(visit.request),
        address=address_of(visit.request),
        agent=visit.request.headers.get("user-agent", ""),
        sec_gpc=says_gpc(visit.request),
        is_demo=bool(visit.district.label),
    )


def let_in(
    visit: Visit,
    filled: Filled,
    *,
    contact: Contact | None = None,
    code_id: uuid.UUID | None = None,
    join_id: uuid.UUID | None = None,
    identity: Identity | None = None,
) -> Response:
    """Record the sign-in and go on to the gateway's own step."""
    choice = _choice(visit, filled, contact=contact, code_id=code_id, join_id=join_id, identity=identity)
    return _enter(visit, choice)


def _enter(visit: Visit, choice: service.Choice) -> Response:
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
