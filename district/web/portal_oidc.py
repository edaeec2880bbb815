"""Coming back from a provider: into the same gateway's sign-in, with the boxes as they were ticked."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from district.clock import ClockDep
from district.districts.service import RegistryDep
from district.gateways.dialect import BadRedirect
from district.gateways.models import Gateway
from district.portal import oidc, oidc_provider
from district.portal.models import OidcProvider
from district.portal.oidc_provider import Exchange, NotIdentified
from district.portal.outbound import ProviderUnavailable, ask, policy_of
from district.problems import Invalid, NotAuthenticated
from district.web.portal_form import Filled, carried_back
from district.web.portal_page import Visit, page, refuse
from district.web.portal_return import LeftAt, as_before
from district.web.portal_visit import OwnShopper, visit_of
from district.web.portal_ways import BROWSER_COOKIE, let_in, redirect_uri

router = APIRouter()
MAX_FIELD = 2_048


@router.get("/oidc/{d}/{provider}/callback")
def come_back(
    d: str,
    provider: str,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    shopper: OwnShopper,
    state: Annotated[str, Query(max_length=MAX_FIELD)] = "",
    code: Annotated[str, Query(max_length=MAX_FIELD)] = "",
    error: Annotated[str, Query(max_length=MAX_FIELD)] = "",
    iss: Annotated[str, Query(max_length=MAX_FIELD)] = "",
) -> Response:
    """Let in whom the provider names, or show the sign-in page again and say why not."""
    district = registry.find(d)
    with request.app.state.sessions.begin() as session:
        row = oidc.find(session, district.id, provider)
        browser = request.cookies.get(BROWSER_COOKIE, "")
        login = oidc.take_back(session, row, state=state, browser=browser, clock=clock)
        gateway = session.get(Gateway, (district.id, login.gateway_id)) if login else None
    if login is None or gateway is None:
        reason = "The provider's answer is unknown, was used before, came too late or to another browser."
        return refuse(request, district, BadRedirect(reason), clock)
    back = as_before(request, gateway, login.redirect_query)
    visit = visit_of(gateway.slug, back, registry, LeftAt(clock, login.created_at), shopper)
    if not isinstance(visit, Visit):
        return visit
    visit = replace(visit, clock=clock)
    filled = carried_back(login.form)
    exchange = Exchange(
        code=code,
        redirect_uri=redirect_uri(request, district, gateway, row.slug),
        verifier=login.verifier,
        nonce=login.nonce,
    )
    return _finish(visit, filled, row, exchange, refused=error or _mixed_up(row, iss))


def _mixed_up(provider: OidcProvider, issuer: str) -> str:
    return "" if oidc.is_from(provider, issuer) else "another issuer"


def _finish(
    visit: Visit, filled: Filled, provider: OidcProvider, exchange: Exchange, *, refused: str
) -> Response:
    try:
        if filled.method not in visit.ways:
            raise Invalid("This way to sign in is not offered here.", detail_zh="这里不提供这种登录方式。")
        if refused or not exchange.code:
            raise NotIdentified(f"the provider said: {refused[:40]}")
        identity = oidc.identity_of(visit.district, provider, _claims(visit, provider, exchange))
        return let_in(visit, filled, identity=identity)
    except BadRedirect as error:
        return refuse(visit.request, visit.district, error, visit.clock, again_url=visit.arrival.again_url)
    except (Invalid, NotAuthenticated, ProviderUnavailable) as error:
        return page(visit, filled.with_error(error, visit.request), status=error.status)


def _claims(visit: Visit, provider: OidcProvider, exchange: Exchange) -> dict[str, object]:
    """What the provider says, asked outside any transaction."""
    policy = policy_of(visit.request.app.state.settings)
    machine_now = visit.clock.machine_now()

    async def claims() -> dict[str, object]:
        described = await oidc_provider.describe(provider.issuer, policy)
        return await oidc_provider.claims_of(provider, described, exchange, policy, machine_now=machine_now)

    return ask(claims)
