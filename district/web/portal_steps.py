"""After the sign-in: the step that lets the browser onto the Wi-Fi, as its gateway wants it."""

from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import RedirectResponse

from district.gateways import admission
from district.gateways import service as gateways
from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.dialect import Go, Login, Post, Queue, Step, Tell
from district.portal import service
from district.web.portal_page import Visit, landing_url
from district.web.session_cookie import remember
from district.web.shells import shell_of
from district.web.templating import render


def send_on(visit: Visit, done: service.SignedIn) -> Response:
    """The answer that opens the gateway. Raises: BadRedirect, NotAdmitted."""
    dialect = gateways.DIALECTS[visit.gateway.vendor]
    with visit.sessions.begin() as session:
        login = service.login_of(
            session,
            visit.district,
            visit.gateway,
            visit.arrival,
            done,
            landing_url=landing_url(visit),
            clock=visit.clock,
        )
        step = dialect.grant(
            gateways.info_of(visit.gateway), visit.arrival, login, machine_now=visit.clock.machine_now()
        )
        if isinstance(step, Queue):
            service.enqueue(session, visit.gateway, step, login, clock=visit.clock)
    response = _carry_out(visit, step, login)
    if done.token is not None:
        remember(visit.request, response, done.token)
    return response


def _carry_out(visit: Visit, step: Step, login: Login) -> Response:
    match step:
        case Go(url=url):
            return RedirectResponse(url, HTTPStatus.SEE_OTHER)
        case Post():
            return _hand_over(visit, step)
        case Queue():
            address = f"/portal/{visit.gateway.slug}/waiting/{login.session_id}"
            return RedirectResponse(address, HTTPStatus.SEE_OTHER)
        case Tell():
            _tell(visit, login)
            return RedirectResponse(login.landing_url, HTTPStatus.SEE_OTHER)


def _hand_over(visit: Visit, step: Post) -> Response:
    """A form to the gateway that sends itself; without scripts it is one more tap."""
    parts = urlsplit(step.url)
    return render(
        visit.request,
        "portal/hand_over.html",
        shell=shell_of(visit.request, visit.district),
        now=visit.clock.now(),
        form_targets=(f"{parts.scheme}://{parts.netloc}", "http:", "https:"),
        keeps_cookies=False,
        action=step.url,
        fields=step.fields,
    )


def _tell(visit: Visit, login: Login) -> None:
    """Ask the vendor's server outside any transaction; its yes confirms the device. Raises: NotAdmitted."""
    settings = visit.request.app.state.settings
    try:
        admission.admit(
            gateways.info_of(visit.gateway),
            visit.arrival,
            login,
            allows_loopback=settings.controller_allow_loopback,
        )
    except (ControllerRefused, ControllerUnavailable) as error:
        with visit.sessions.begin() as session:
            admission.give_back(session, visit.gateway, visit.arrival, error, clock=visit.clock)
        raise admission.NotAdmitted from error
    with visit.sessions.begin() as session:
        admission.keep(session, visit.gateway, visit.arrival)
        service.confirm(session, visit.district, login, clock=visit.clock)
