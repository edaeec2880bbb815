"""The sign-in page of the Wi-Fi: one request, no script, and a 303 to the gateway's own grant."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from district.auth import principals
from district.auth.codes import WrongCode
from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.districts.service import DistrictInfo, RegistryDep
from district.gateways import service as gateways
from district.gateways.dialect import BadRedirect
from district.gateways.poll_routes import Polled
from district.portal import hand_over
from district.problems import Invalid, TooMany, Unavailable
from district.web.portal_form import Filled, FilledIn
from district.web.portal_page import Visit, next_steps, origin_of, page, refuse
from district.web.portal_steps import taken_up
from district.web.portal_visit import OwnShopper, visit_of
from district.web.portal_ways import proceed
from district.web.shells import shell_of
from district.web.templating import render

router = APIRouter()


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
    visit = visit_of(gateway, request, registry, clock, shopper)
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
    filled: FilledIn,
) -> Response:
    """Send a code, or let the person in; a poll of the gateway itself has its own answer."""
    if polled is not None:
        return polled
    visit = visit_of(gateway, request, registry, clock, shopper)
    if not isinstance(visit, Visit):
        return visit
    try:
        return proceed(visit, filled)
    except BadRedirect as error:
        return refuse(request, visit.district, error, clock, again_url=visit.arrival.again_url)
    except (Invalid, TooMany, Unavailable, WrongCode) as error:
        return page(visit, filled.with_error(error, request), status=error.status)


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
        district, row = gateways.find(session, registry, gateway)
        token = _hand_over(session, request, district, principal, clock)
    origin = origin_of(request, row)
    return render(
        request,
        "portal/welcome.html",
        shell=shell_of(request, district, principal),
        now=clock.now(),
        links=next_steps(district, principal, ap),
        wanted=to[:300],
        own_link=f"{origin}/o/{token}" if token else "",
        short_link=f"{origin}/d/{district.slug}",
    )


def _hand_over(
    session: Session, request: Request, district: DistrictInfo, principal: Principal | None, clock: Clock
) -> str:
    """What opens the member's page in the person's own browser; empty for who is not proven."""
    own = principals.token_of(request)
    if principal is None or own is None or principal.role is not Role.SHOPPER:
        return ""
    if principal.district_id != district.id:
        return ""
    return hand_over.make(session, district, principal.subject_id, own, clock=clock)
