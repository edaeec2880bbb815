"""Members' interface to their accounts at WeChat and its like, and to what they allow there."""

import uuid
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from district.auth import idempotency, limits
from district.auth.idempotency import IdempotencyKey
from district.auth.limits import Limit
from district.auth.principals import Operator, Shopper
from district.channels.kinds import KINDS
from district.channels.models import ChannelProvider, EndpointState
from district.clock import ClockDep
from district.database import DbSession
from district.deliveries import account_calls, accounts
from district.deliveries.account_schemas import AccountOut, NewBinding, NewGrants, TemplateLeft, ToldAccount
from district.districts.service import DistrictDep, DistrictInfo, RegistryDep
from district.members import service as members
from district.members.callers import membership_of
from district.members.ledger import Evidence
from district.members.models import Member
from district.proxies import address_of
from push.consent import Channel

router = APIRouter(prefix="/v1", tags=["members"])
PATH: Final = "/me/accounts"
TOLD: Final = "/districts/{d}/members/{member_id}/accounts/{provider}"
PRIVATE: Final = {"Cache-Control": "no-store"}
TRIES_AN_HOUR: Final = 30


def count_try(session: Session, member: Member, clock: ClockDep) -> None:
    """Each try is a call to somebody else's server. Raises: TooMany."""
    limit = Limit(
        subject=f"account:{member.id}",
        period=timedelta(hours=1),
        most=TRIES_AN_HOUR,
        detail="Too many tries to bind an account. Wait a while.",
        detail_zh="绑定账号过于频繁，请稍后再试。",
    )
    limits.take(session, member.district_id, limit, clock=clock)


def view(
    session: Session, district: DistrictInfo, member: Member, provider: ChannelProvider, origin: str
) -> AccountOut:
    """A provider as a member sees it."""
    bound = accounts.listed(session, district.id, member.id, provider)
    login = KINDS[provider.kind].login
    path = f"/d/{district.slug}/accounts/{provider.slug}/bind"
    has_page = login is not None and login.authorise is not None
    left = accounts.left_of(session, district.id, member.id, provider)
    return AccountOut(
        provider=provider.slug,
        channel=Channel(provider.channel),
        name=provider.name,
        app_id=str(provider.options.get("app_id", "")),
        state=EndpointState(bound[0].state) if bound else None,
        bind_url=f"{origin}{path}" if has_page else None,
        templates=[TemplateLeft(id=one, left=count) for one, count in left.items()],
    )


def _origin(request: Request) -> str:
    return (request.app.state.settings.public_url or "").rstrip("/")


@router.get(PATH)
def read_accounts(
    request: Request, principal: Shopper, session: DbSession, registry: RegistryDep, response: Response
) -> list[AccountOut]:
    """Accounts at WeChat and its like that the caller has bound, or may bind, here."""
    member, district = membership_of(session, principal), registry.find(principal.district_slug)
    response.headers.update(PRIVATE)
    return [
        view(session, district, member, one, _origin(request))
        for one in accounts.providers(session, district.id)
    ]


@router.post(PATH, status_code=HTTPStatus.CREATED)
def bind_account(
    new: NewBinding,
    request: Request,
    principal: Shopper,
    registry: RegistryDep,
    clock: ClockDep,
    response: Response,
) -> AccountOut:
    """Bind the account that a login code names: a mini-program's ``wx.login()``. It is no consent.

    The provider is asked between two transactions, in none of them.
    """
    district = registry.find(principal.district_slug)
    sessions = request.app.state.sessions
    with sessions.begin() as session:
        count_try(session, membership_of(session, principal), clock)
        provider = accounts.provider_of(session, district.id, new.provider)
    address = account_calls.identify(request, district, provider, new.code, clock=clock)
    response.headers.update(PRIVATE)
    with sessions.begin() as session:
        member = membership_of(session, principal)
        accounts.bind(session, district, member.id, provider, address, clock=clock)
        return view(session, district, member, provider, _origin(request))


@router.delete(PATH + "/{provider}", status_code=HTTPStatus.NO_CONTENT)
def unbind_account(
    provider: str,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
) -> Response:
    """Forget the caller's account there; the consent to its channel is taken back."""
    member, district = membership_of(session, principal), registry.find(principal.district_slug)
    agent = request.headers.get("user-agent", "")
    evidence = Evidence(proof="session", address=address_of(request), agent=agent)
    row = accounts.provider_of(session, district.id, provider)
    accounts.unbind(session, district, member, row, clock=clock, evidence=evidence)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/me/wechat/grants", status_code=HTTPStatus.CREATED, response_model=list[TemplateLeft])
def grant(
    new: NewGrants,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Tell that the member has just allowed one message for each template (``wx.requestSubscribeMessage``: accept).

    What is left of each of the provider's templates; twenty messages by one template are counted ahead.
    """
    member, district = membership_of(session, principal), registry.find(principal.district_slug)
    provider = accounts.provider_of(session, district.id, new.provider)

    def granted() -> list[TemplateLeft]:
        left = accounts.grant(session, district, member.id, provider, new.templates, clock=clock)
        return [TemplateLeft(id=one, left=count) for one, count in left.items()]

    once = idempotency.Request(principal=principal, path=request.url.path, key=key, body=new)
    return idempotency.once(session, once, granted, machine_now=clock.machine_now())


@router.put(TOLD, status_code=HTTPStatus.NO_CONTENT)
def tell_account(
    member_id: uuid.UUID,
    provider: str,
    told: ToldAccount,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> Response:
    """Tell which WeCom customer a member is, from a system of the operator's that knows. It is no consent."""
    row = accounts.told_provider_of(session, district.id, provider)
    member = members.get(session, district.id, member_id)
    accounts.bind(session, district, member.id, row, told.address, clock=clock)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete(TOLD, status_code=HTTPStatus.NO_CONTENT)
def forget_account(
    member_id: uuid.UUID, provider: str, operator: Operator, district: DistrictDep, session: DbSession
) -> Response:
    """Forget it."""
    row = accounts.told_provider_of(session, district.id, provider)
    accounts.forget_told(session, district.id, member_id, row)
    return Response(status_code=HTTPStatus.NO_CONTENT)
