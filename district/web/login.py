"""Logging in and out of the consoles."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session, sessionmaker

from district.auth import principals
from district.auth import service as auth
from district.auth.models import Role
from district.auth.principals import Anyone
from district.clock import Clock, ClockDep
from district.districts.service import Registry, RegistryDep
from district.problems import NotAuthenticated, TooMany, Unavailable
from district.proxies import network_of
from district.web.security import require_own_form
from district.web.session_cookie import remember
from district.web.shells import shell_of
from district.web.templating import Shell, render

router = APIRouter()
HOMES = {
    Role.OPERATOR: "/operator",
    Role.MERCHANT: "/merchant",
    Role.PROPERTY: "/property",
    Role.OBSERVER: "/",
    Role.SHOPPER: "/me",
}
MOST_LETTERS = 200


def safe_next(address: str) -> str:
    """A path of this site, or nothing: never a way to another origin."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    if not is_path or len(address) > 500 or any(ord(letter) < 33 for letter in address):
        return ""
    parts = urlsplit(address)
    return "" if parts.scheme or parts.netloc or "\\" in address else address


def home_of(role: Role) -> str:
    """Where somebody of this role starts."""
    return HOMES.get(role, "/")


@router.get("/login")
def show(
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    principal: Anyone,
    next: str = "",  # noqa: A002 the word of the address
    role: str = "",
) -> Response:
    """The form; who is logged in with the role that is needed goes on."""
    needed = Role(role) if role in set(Role) else None
    if principal is not None and (needed is None or principal.role is needed):
        return RedirectResponse(safe_next(next) or home_of(principal.role), HTTPStatus.SEE_OTHER)
    is_other = principal is not None
    return _page(request, registry, clock, next_=safe_next(next), role=needed, is_other=is_other)


@router.post("/login", dependencies=[Depends(require_own_form)])
def log_in(
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    username: Annotated[str, Form(max_length=MOST_LETTERS)] = "",
    password: Annotated[str, Form(max_length=MOST_LETTERS)] = "",
    next: Annotated[str, Form(max_length=1000)] = "",  # noqa: A002
) -> Response:
    """Check the password; the next page, or the form again with what was wrong."""
    name = username.strip()
    sessions: sessionmaker[Session] = request.app.state.sessions
    slugs = {id_: info.slug for id_, info in registry.by_id.items()}
    try:
        token = auth.log_in(
            sessions,
            username=name,
            password=password,
            network=network_of(request),
            district_slug_of=slugs,
            clock=clock,
        )
    except (TooMany, Unavailable) as error:
        return _page(
            request, registry, clock, next_=safe_next(next), username=name, error="many", failed=error.status
        )
    except NotAuthenticated as error:
        return _page(
            request, registry, clock, next_=safe_next(next), username=name, error="wrong", failed=error.status
        )
    response = RedirectResponse(safe_next(next) or home_of(token.role), HTTPStatus.SEE_OTHER)
    remember(request, response, token)
    return response


@router.post("/logout", dependencies=[Depends(require_own_form)])
def log_out(request: Request, clock: ClockDep, principal: Anyone) -> Response:
    """End the session, here and on the server."""
    token = principals.token_of(request)
    if principal is not None and token is not None:
        with request.app.state.sessions.begin() as session:
            auth.close_session(session, principal.district_id, token, clock=clock)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    for name in (principals.COOKIE, principals.SECURE_COOKIE):
        response.delete_cookie(name, path="/", httponly=True, secure=name == principals.SECURE_COOKIE)
    return response


def _page(
    request: Request,
    registry: Registry,
    clock: Clock,
    *,
    next_: str,
    role: Role | None = None,
    username: str = "",
    error: str = "",
    is_other: bool = False,
    failed: HTTPStatus = HTTPStatus.OK,
) -> Response:
    districts = tuple(registry.by_id.values())
    shell = shell_of(request, districts[0]) if len(districts) == 1 else Shell()
    return render(
        request,
        "staff/login.html",
        shell=shell,
        now=clock.now(),
        status_code=failed,
        next_=next_,
        role=role,
        username=username,
        error=error,
        is_other=is_other,
    )
