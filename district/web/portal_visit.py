"""Who stands before the sign-in page, and which ways in there are for him."""

from collections.abc import Set
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import Principal
from district.clock import Clock
from district.districts.service import DistrictInfo, Registry
from district.gateways import redirect_events
from district.gateways import service as gateways
from district.gateways.dialect import Arrival, BadRedirect, GatewayNotice
from district.gateways.models import Gateway
from district.gateways.redirect_events import Outcome
from district.gateways.routes import portal_url
from district.later import LaterWrites
from district.members import service as members
from district.members.models import Member
from district.portal import oidc, service, text_providers, visits
from district.web.portal_form import BOXES
from district.web.portal_notice import tell
from district.web.portal_page import Visit, refuse
from district.web.security import ForeignForm, require_own_form
from push.consent import Purpose

NAMELESS = frozenset({"click", "voucher"})


async def own_shopper(request: Request, principal: Anyone) -> Principal | None:
    """The shopper of the browser's session; nobody when the form came from another site."""
    try:
        await require_own_form(request)
    except ForeignForm:
        return None
    return principal if principal and principal.role is Role.SHOPPER else None


OwnShopper = Annotated[Principal | None, Depends(own_shopper)]


def visit_of(
    gateway: str, request: Request, registry: Registry, clock: Clock, shopper: Principal | None
) -> Visit | Response:
    """Who stands before the page, or the page that refuses a worn redirect. Raises: NotFound."""
    raw_query: bytes = request.scope["query_string"]
    with request.app.state.sessions.begin() as session:
        district, row = gateways.find(session, registry, gateway)
        try:
            arrival = service.arrive(row, raw_query, clock=clock, portal_url=portal_url(request, row))
        except GatewayNotice as notice:
            return tell(request, district, row, notice, clock)
        except BadRedirect as error:
            redirect_events.note(
                session, row, Outcome.REFUSED, clock=clock, raw_query=raw_query, refused=error
            )
            return refuse(request, district, error, clock)
        if request.method == "GET":
            later: LaterWrites = request.app.state.later
            redirect_events.note_later(later, row, Outcome.SHOWN, clock=clock, raw_query=raw_query)
        arrival = gateways.with_first_sight(session, row, arrival, clock=clock)
        return _visit(session, request, district, row, arrival, shopper=shopper, clock=clock)


def _visit(
    session: Session,
    request: Request,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    *,
    shopper: Principal | None,
    clock: Clock,
) -> Visit:
    known = shopper.subject_id if shopper and shopper.district_id == district.id else None
    member = service.met(session, district, arrival, known=known, clock=clock)
    is_named = service.is_named(session, district, known)
    if gateway.is_real_name and not is_named:
        member = None
    unheard = members.unheard(session, district.id, member.id) if member is not None else None
    options = visits.options_of(gateway)
    visits.shown(request.app.state.later, district, gateway, arrival, clock=clock)
    providers = oidc.names_of(session, gateway)
    return Visit(
        request=request,
        district=district,
        gateway=gateway,
        arrival=arrival,
        is_returning=member is not None,
        asked=tuple(purpose for purpose in BOXES if unheard is None or purpose in unheard),
        has_new_terms=unheard is not None and Purpose.ACCESS in unheard,
        clock=clock,
        known=known,
        ways=_ways(gateway, {*providers, *text_providers.of_gateway(session, gateway)}, is_named=is_named),
        providers=providers,
        least_age=options.least_age if _asks_age(options.least_age, member) else None,
        variant=visits.variant_of(district, gateway, arrival),
        shows_offers=options.shows_offers,
    )


def _asks_age(least_age: int | None, member: Member | None) -> bool:
    return least_age is not None and (member is None or member.is_of_age is None)


def _ways(gateway: Gateway, there: Set[str], *, is_named: bool) -> tuple[str, ...]:
    """The gateway's methods, as far as they work: by name where the law asks for names, and known members by a tap."""
    offered = [way for way in gateway.methods if ":" not in way or way in there]
    if not gateway.is_real_name:
        return tuple(offered)
    named = [way for way in offered if way not in NAMELESS]
    return ("click", *named) if is_named else tuple(named)
