"""What every answer tells the browser to refuse, and the check that a form came from our own page."""

import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from district.problems import NotAllowed

CSRF_COOKIE = "form_token"
CSRF_FIELD = "form_token"
CSRF_HEADER = "x-form-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HSTS = "max-age=31536000"

_HEADERS = {
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
}


class ForeignForm(NotAllowed):
    """A state-changing request that a page of another origin caused."""

    slug, title = "foreign-form", "This form was not sent from our own page"


def content_policy(nonce: str, *, form_targets: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of a page.

    Inline script and style run only with the nonce; style attributes and inline handlers never do.
    `form_targets` are further origins that a form's redirect may lead to: browsers hold `form-action`
    against the 303 to a gateway as well.
    """
    targets = " ".join(("'self'", *form_targets))
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        f"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action {targets}"
    )


def nonce_of(connection: HTTPConnection) -> str:
    """The nonce of this request's page: made on first use, 128 random bits."""
    state = connection.scope.setdefault("state", {})
    nonce: str = state.setdefault("csp_nonce", secrets.token_urlsafe(16))
    return nonce


class SecurityHeaders:
    """ASGI middleware: puts the headers on every answer, leaving alone those that a route set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_tls = scope.get("scheme") == "https"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", content_policy(nonce_of(HTTPConnection(scope))))
                if is_tls:
                    headers.setdefault("strict-transport-security", _HSTS)
            await send(message)

        await self.app(scope, receive, send_guarded)


def form_token(request: Request) -> str:
    """The token that this page's forms carry; render() sets it as a cookie where the browser had none."""
    existing = request.cookies.get(CSRF_COOKIE, "")
    if 20 <= len(existing) <= 64 and existing.isascii():
        return existing
    state = request.scope.setdefault("state", {})
    token: str = state.setdefault("form_token", secrets.token_urlsafe(24))
    return token


def keep_form_token(request: Request, token: str) -> None:
    """Let this page carry the token of the one before it, where no cookie does."""
    if 20 <= len(token) <= 64 and token.isascii():
        request.scope.setdefault("state", {})["form_token"] = token


def _is_own_origin(headers: Headers) -> bool | None:
    """What the browser says of the request's origin; None when it says nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return None
    return urlsplit(origin).netloc == headers.get("host", "")


async def _sent_token(request: Request) -> str:
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    value = (await request.form(max_fields=200)).get(CSRF_FIELD)
    return value if isinstance(value, str) else ""


async def require_own_form(request: Request) -> None:
    """Dependency of every route that a cookie authenticates and that changes state.

    The browser's own word decides (Sec-Fetch-Site, else Origin); a browser too old for both must return the
    token of the page, in the form or as X-Form-Token, equal to its cookie.

    Raises: ForeignForm.
    """
    if request.method in _SAFE_METHODS:
        return
    is_own = _is_own_origin(request.headers)
    if is_own is None:
        cookie = request.cookies.get(CSRF_COOKIE, "")
        is_own = len(cookie) >= 20 and secrets.compare_digest(
            cookie.encode(), (await _sent_token(request)).encode()
        )
    if not is_own:
        raise ForeignForm("Open the page on this site again and send the form from there.")
