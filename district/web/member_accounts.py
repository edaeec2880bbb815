"""A member's accounts at WeChat and its like: bound by a page inside the app, or in a mini-program that a browser opens."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from threading import Lock
from typing import Annotated, Final

import segno
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from district import clock as clocks
from district.channels.kinds import KINDS, wechat_mini
from district.channels.models import ChannelProvider, EndpointState
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.deliveries import account_calls, account_states, accounts
from district.deliveries.account_calls import AccountRefused
from district.deliveries.account_routes import count_try
from district.deliveries.push_routes import secret_of
from district.members import service as members
from district.portal.routes import evidence_of
from district.problems import NotFound, TooMany, Unavailable
from district.web.channel_words import channel_word
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.security import require_own_form
from push.channels.wechat_login import LONGEST_CODE, LoginUnavailable

router = APIRouter()
PAGE: Final = "/d/{slug}/accounts"
OWN_FORM = [Depends(require_own_form)]
INSIDE_WECHAT: Final = "MicroMessenger"
KEPT_S: Final = 12 * 3600
"""An address that opens a mini-program is good for two days."""
MOST_KEPT: Final = 500
_schemes: dict[tuple[uuid.UUID, datetime], tuple[float, str]] = {}
_one_at_a_time = Lock()


@dataclass(frozen=True, kw_only=True)
class Account:
    """A provider on the page: bound, to be bound here, or in a mini-program that opens."""

    slug: str
    name: str
    channel: str
    is_bound: bool
    is_gone: bool
    has_page: bool
    opens: bool
    left: int
    """Messages that the member still allows."""


def _account(session: DbSession, reader: Reader, provider: ChannelProvider) -> Account:
    rows = accounts.listed(session, reader.district.id, reader.member_id, provider)
    login = KINDS[provider.kind].login
    return Account(
        slug=provider.slug,
        name=provider.name,
        channel=provider.channel,
        is_bound=bool(rows),
        is_gone=bool(rows) and rows[0].state == EndpointState.GONE,
        has_page=login is not None and login.authorise is not None,
        opens=provider.kind == wechat_mini.NAME,
        left=sum(accounts.left_of(session, reader.district.id, reader.member_id, provider).values()),
    )


@router.get(PAGE)
def show_accounts(
    request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep, saved: str = ""
) -> Response:
    """Which accounts are bound, and how to bind one."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    return _page(request, reader, session, clock, saved=saved == "yes")


def _page(
    request: Request,
    reader: Reader,
    session: DbSession,
    clock: Clock,
    *,
    saved: bool = False,
    wrong: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    here = _address(request, reader, "")
    return show(
        request,
        reader,
        clock,
        "member/accounts.html",
        status=status,
        accounts=[_account(session, reader, one) for one in accounts.providers(session, reader.district.id)],
        channel_word=channel_word,
        is_inside=INSIDE_WECHAT in request.headers.get("user-agent", ""),
        here=here,
        code=_drawn(here),
        saved=saved,
        wrong=wrong,
    )


@router.get(PAGE + "/{provider}/bind")
def leave(
    provider: str, request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep
) -> Response:
    """Send the member's browser to the provider, to come back with a code."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    row = accounts.provider_of(session, reader.district.id, provider)
    login = KINDS[row.kind].login
    if login is None or login.authorise is None:
        raise NotFound("This account is bound by its own program.")
    count_try(session, members.get(session, reader.district.id, reader.member_id), clock)
    outbound = account_calls.unused_outbound()
    building = account_calls.building(request, reader.district, row, outbound, clock)
    state = account_states.made(
        secret_of(request), provider_id=row.id, member_id=reader.member_id, now=clock.machine_now()
    )
    back = _address(request, reader, f"/{row.slug}/callback")
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(login.authorise(building, back, state), HTTPStatus.SEE_OTHER, headers=headers)


@router.get(PAGE + "/{provider}/callback")
def come_back(
    provider: str,
    request: Request,
    reader: ReaderDep,
    clock: ClockDep,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=LONGEST_CODE)] = "",
    auth_code: Annotated[str, Query(max_length=LONGEST_CODE)] = "",
) -> Response:
    """Bind the account that the code names to the member who was sent off, and to nobody else."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    sessions = request.app.state.sessions
    with sessions() as session:
        row = accounts.provider_of(session, reader.district.id, provider)
    is_ours = account_states.is_good(
        state,
        secret_of(request),
        provider_id=row.id,
        member_id=reader.member_id,
        now=clock.machine_now(),
    )
    given = code or auth_code
    wrong, status = ("late", HTTPStatus.BAD_REQUEST) if not is_ours or not given else ("", HTTPStatus.OK)
    if not wrong:
        try:
            address = account_calls.identify(request, reader.district, row, given, clock=clock)
            with sessions.begin() as session:
                accounts.bind(session, reader.district, reader.member_id, row, address, clock=clock)
            return RedirectResponse(f"/d/{reader.district.slug}/accounts?saved=yes", HTTPStatus.SEE_OTHER)
        except AccountRefused as refused:
            wrong, status = "refused", refused.status
        except Unavailable as away:
            wrong, status = "away", away.status
    with sessions() as session:
        return _page(request, reader, session, clock, wrong=wrong, status=status)


@router.post(PAGE + "/{provider}/forget", dependencies=OWN_FORM)
def forget(
    provider: str, request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep
) -> Response:
    """Forget the member's account there."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    row = accounts.provider_of(session, reader.district.id, provider)
    member = members.get(session, reader.district.id, reader.member_id)
    back = f"/d/{reader.district.slug}/accounts"
    try:
        accounts.unbind(session, reader.district, member, row, clock=clock, evidence=evidence_of(request))
    except NotFound:
        return RedirectResponse(back, HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{back}?saved=yes", HTTPStatus.SEE_OTHER)


@router.get(PAGE + "/{provider}/open")
def open_program(provider: str, request: Request, reader: ReaderDep, clock: ClockDep) -> Response:
    """A button that opens the mini-program, and a code of this page for who sits at another screen. For everybody."""
    with request.app.state.sessions() as session:
        row = accounts.provider_of(session, reader.district.id, provider)
    if row.kind != wechat_mini.NAME:
        raise NotFound("No mini-program.")
    here = _address(request, reader, f"/{row.slug}/open")
    try:
        scheme = _scheme(request, reader, row, clock)
    except (LoginUnavailable, Unavailable, TooMany):
        scheme = ""
    return show(
        request,
        reader,
        clock,
        "member/account_open.html",
        status=HTTPStatus.OK if scheme else HTTPStatus.SERVICE_UNAVAILABLE,
        name=row.name,
        scheme=scheme,
        here=here,
        code=_drawn(here),
    )


def _scheme(request: Request, reader: Reader, provider: ChannelProvider, clock: Clock) -> str:
    """One address for all readers of half a day: WeChat counts new ones. Raises: LoginUnavailable, Unavailable."""
    key, now_s = (provider.id, provider.changed_at), clocks.monotonic()
    with _one_at_a_time:
        known = _schemes.get(key)
    if known is not None and known[0] > now_s:
        return known[1]
    made = account_calls.call(request, reader.district, provider, wechat_mini.opened, clock=clock)
    with _one_at_a_time:
        if len(_schemes) >= MOST_KEPT:
            _schemes.clear()
        _schemes[key] = (now_s + KEPT_S, made)
    return made


def _address(request: Request, reader: Reader, end: str) -> str:
    """A page's address, as another browser opens it."""
    public = request.app.state.settings.public_url
    base = public.rstrip("/") if public else str(request.base_url).rstrip("/")
    return f"{base}/d/{reader.district.slug}/accounts{end}"


def _drawn(address: str) -> Markup:
    code = segno.make_qr(address, error="m").svg_inline(border=2, omitsize=True, dark="#000", light="#fff")
    return Markup(code)  # noqa: S704 drawn by us
