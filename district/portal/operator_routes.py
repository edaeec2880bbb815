"""Operators' interface to sign-ins: providers, what codes may cost, and how the page of a gateway does."""

from dataclasses import asdict
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from district.auth import code_policy, idempotency
from district.auth.code_policy import Policy
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep, DistrictInfo
from district.gateways import service as gateways
from district.portal import oidc, providers, visits
from district.portal.models import OidcProvider
from district.portal.schemas import (
    CodePolicyAnswer,
    CodePolicyBody,
    NewProvider,
    ProviderAnswer,
    ProviderChange,
    ProviderPage,
    RateAnswer,
    SignInsAnswer,
    VariantAnswer,
)
from district.portal.visits import SignIns
from district.problems import Invalid

router = APIRouter(prefix="/v1/districts/{d}", tags=["gateways"])
LONGEST = timedelta(days=400)
USUAL = timedelta(days=28)
SENSIBLE_YEARS = range(1990, 2201)
"""Far from the ends of the calendar, beyond which nothing can be reckoned."""


def _answer(request: Request, district: DistrictInfo, row: OidcProvider) -> ProviderAnswer:
    origin = request.app.state.settings.public_url or str(request.base_url)
    return ProviderAnswer(
        slug=row.slug,
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        scope=row.scope,
        created_at=row.created_at,
        method=f"{oidc.METHOD_MARK}{row.slug}",
        redirect_uri=f"{origin.rstrip('/')}/oidc/{district.slug}/{row.slug}/callback",
    )


@router.post("/oidc-providers", status_code=HTTPStatus.CREATED, response_model=ProviderAnswer)
def create_provider(
    new: NewProvider,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Register an OpenID Connect provider; its own description is read at once."""
    providers.check_issuer(new.issuer, request.app.state.settings)
    once = idempotency.Request(principal=principal, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: _answer(request, district, providers.create(session, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get("/oidc-providers")
def list_providers(
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ProviderPage:
    """Providers by slug."""
    rows = providers.page(session, district.id, after=after, limit=limit + 1)
    next_ = rows[limit - 1].slug if len(rows) > limit else None
    return ProviderPage(items=[_answer(request, district, row) for row in rows[:limit]], next=next_)


@router.get("/oidc-providers/{slug}")
def get_provider(
    slug: str, request: Request, principal: Operator, district: DistrictDep, session: DbSession
) -> ProviderAnswer:
    """One provider."""
    return _answer(request, district, oidc.find(session, district.id, slug))


@router.patch("/oidc-providers/{slug}")
def change_provider(
    slug: str,
    changed: ProviderChange,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
) -> ProviderAnswer:
    """Change a provider."""
    if changed.issuer:
        providers.check_issuer(changed.issuer, request.app.state.settings)
    return _answer(request, district, providers.change(session, district, slug, changed))


@router.delete("/oidc-providers/{slug}", status_code=204)
def remove_provider(slug: str, principal: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Forget a provider; whom it named stay members, and sign in another way."""
    providers.remove(session, district, slug)
    return Response(status_code=204)


def _policy(district: DistrictInfo, policy: Policy) -> CodePolicyAnswer:
    return CodePolicyAnswer(
        countries=list(policy.countries),
        sms_cost=policy.sms_cost,
        daily_budget=policy.daily_budget,
        currency=district.currency,
    )


@router.get("/code-policy")
def get_code_policy(principal: Operator, district: DistrictDep, session: DbSession) -> CodePolicyAnswer:
    """To which countries one-time codes go, and what they may cost in a day."""
    return _policy(district, code_policy.of(session, district))


@router.put("/code-policy")
def put_code_policy(
    body: CodePolicyBody, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> CodePolicyAnswer:
    """Replace it; it holds from the next code on."""
    policy = Policy(
        countries=tuple(dict.fromkeys(body.countries)),
        sms_cost=body.sms_cost,
        daily_budget=body.daily_budget,
    )
    code_policy.put(session, district, policy, clock=clock)
    return _policy(district, policy)


@router.get("/gateways/{slug}/sign-ins")
def sign_ins(
    slug: str,
    request: Request,
    principal: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> SignInsAnswer:
    """How a gateway's sign-in page does over trading days (`to` not included; by default the last 28 days)."""
    if any(day is not None and day.year not in SENSIBLE_YEARS for day in (since, until)):
        raise Invalid("Send dates of these centuries, such as 2026-05-01.")
    end = until or district.trading_day(clock.now()) + timedelta(days=1)
    start = since or end - USUAL
    if not timedelta() < end - start <= LONGEST:
        raise Invalid(f"`from` comes before `to`, and at most {LONGEST.days} days before it.")
    gateway = gateways.get(session, district.id, slug)
    request.app.state.later.flush()
    found = visits.sign_ins(session, district.id, gateway.id, since=start, until=end)
    whole = [one for one in found if not one.variant]
    return SignInsAnswer(
        gateway=gateway.slug,
        since=start,
        until=end,
        currency=district.currency,
        variants=[VariantAnswer(variant=one.variant, **_figures(one)) for one in found if one.variant],
        **_figures(whole[0]),
    )


def _figures(one: SignIns) -> dict[str, Any]:
    return {
        "shown": one.shown,
        "connected": one.connected,
        "connect_rate": RateAnswer(**asdict(one.connect_rate)),
        "new_members": one.new_members,
        "codes": one.codes,
        "cost": one.cost,
        "cost_per_new_member": one.cost_per_new_member,
    }
