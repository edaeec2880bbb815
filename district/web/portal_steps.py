"""After the sign-in: the step that lets the browser onto the Wi-Fi, as its gateway wants it."""

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import RedirectResponse

from district.gateways import admission, redirect_events
from district.gateways import service as gateways
from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.dialect import Again, Go, Login, Post, Queue, Step, Tell
from district.gateways.redirect_events import Outcome
from district.portal import service, waiting
from district.web.portal_page import Visit, landing_url
from district.web.session_cookie import remember
from district.web.shells import shell_of
from district.web.templating import render

WAITING_COOKIE = "wifi_waits"


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
        held = (
            waiting.leave(session, visit.district, login, clock=visit.clock)
            if isinstance(step, Again)
            else ""
        )
    response = _carry_out(visit, step, login)
    _note(visit, step)
    if held:
        _keep(visit, response, held)
    if done.token is not None:
        remember(visit.request, response, done.token)
    return response


def _note(visit: Visit, step: Step) -> None:
    """For the gateway's self-test."""
    redirect_events.note_apart(
        visit.sessions,
        visit.gateway,
        Outcome.WAITING if isinstance(step, Queue | Again) else Outcome.LET_IN,
        clock=visit.clock,
        raw_query=visit.request.scope["query_string"],
    )


def _carry_out(visit: Visit, step: Step, login: Login) -> Response:
    match step:
        case Go(url=url) | Again(url=url):
            return RedirectResponse(url, HTTPStatus.SEE_OTHER)
        case Post():
            return _hand_over(visit, step)
        case Queue():
            address = f"/portal/{visit.gateway.slug}/waiting/{login.session_id}"
            return RedirectResponse(f"{address}?{urlsplit(login.landing_url).query}", HTTPStatus.SEE_OTHER)
        case Tell():
            _tell(visit, login)
            return RedirectResponse(login.landing_url, HTTPStatus.SEE_OTHER)


def _keep(visit: Visit, response: Response, held: str) -> None:
    """What brings this browser in as soon as it comes back with a fresh redirect."""
    response.set_cookie(
        WAITING_COOKIE,
        held,
        max_age=int(waiting.WAITS.total_seconds()),
        path=f"/portal/{visit.gateway.slug}",
        httponly=True,
        samesite="lax",
        secure=visit.request.url.scheme == "https",
    )


def taken_up(visit: Visit) -> Response | None:
    """The login that waited in this browser for a fresh redirect, carried on; None when none did."""
    held = visit.request.cookies.get(WAITING_COOKIE, "")
    if not held:
        return None
    with visit.sessions.begin() as session:
        done = waiting.take_up(session, visit.district, visit.gateway, visit.arrival, held, clock=visit.clock)
    if done is None:
        return None
    # The answer goes to the gateway now, however old its challenge: asked for another one it gave this.
    response = send_on(replace(visit, arrival=replace(visit.arrival, shown_at=None)), done)
    response.delete_cookie(WAITING_COOKIE, path=f"/portal/{visit.gateway.slug}")
    return response


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
            admission.give_back(
                session,
                visit.gateway,
                visit.arrival,
                error,
                clock=visit.clock,
                raw_query=visit.request.scope["query_string"],
            )
        raise admission.NotAdmitted from error
    with visit.sessions.begin() as session:
        admission.keep(session, visit.gateway, visit.arrival)
        service.confirm(session, visit.district, login, clock=visit.clock)
