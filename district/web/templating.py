"""Jinja2 for every page: one environment, one render()."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from district.web import formats, language, security
from district.web.language import (
    Language,
    Tongue,
    code_of,
    further_of,
    links_to_others,
    negotiate,
    speaking,
    switch_address,
)
from district.web.vendoring import PACKAGES

TEMPLATES = Path(__file__).parent / "templates"
_YEAR_S = 365 * 24 * 3600
OPENSTREETMAP = Markup(
    '© <a href="https://www.openstreetmap.org/copyright" rel="noopener noreferrer">OpenStreetMap</a> contributors'
)
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Unicode's embeddings, overrides and isolates: in a name they would turn around what stands after it."""
_VENDOR_FOLDERS = {package.name: package.folder for package in PACKAGES}


@dataclass(frozen=True, kw_only=True)
class Shell:
    """What a layout shows around a page: the district, who is logged in, and what is not real about it."""

    district_slug: str = ""
    district_name: str = "Shangquan"
    zone: tzinfo = UTC
    currency: str = "EUR"
    is_demo: bool = False
    """People and visits are made by the demo's walkers."""
    is_invented: bool = False
    """The district itself does not exist: 示例商圈（虚构）."""
    is_simulated: bool = False
    """Business time is simulated; the ribbon shows it."""
    is_openstreetmap: bool = False
    """Places on the page come from OpenStreetMap: the layout credits it."""
    user_name: str = ""
    role: str = ""
    badges: Mapping[str, int] = field(default_factory=dict)
    """Small numbers beside items of the console's menu, by the item's key."""


def unturned(text: str) -> str:
    """The text without marks that turn around what stands after them."""
    return _TURNING.sub("", text)


def vendor_address(package: str, file: str) -> str:
    """Where a vendored file is served."""
    return f"/static/vendor/{_VENDOR_FOLDERS[package]}/{file}"


def script_json(value: object) -> Markup:
    """A value for a `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 the characters that could end the element are escaped above


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one Jinja2 environment: HTML always escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]  # added by jinja2.ext.i18n
    made.filters.update(formats.FILTERS)
    made.filters["script_json"] = script_json
    made.globals.update(
        vendor=vendor_address,
        spoken=language.spoken,
        OPENSTREETMAP=OPENSTREETMAP,
        Language=Language,
        other_tongues=links_to_others,
    )
    return made


def render(
    request: Request,
    template: str,
    *,
    shell: Shell,
    now: datetime,
    status_code: int = 200,
    form_targets: tuple[str, ...] = (),
    keeps_cookies: bool = True,
    **values: object,
) -> HTMLResponse:
    """A page, or a fragment for HTMX, in the reader's language and the district's zone.

    `now` is business time. `form_targets` are origins that a form on this page may be redirected to.
    A language chosen in the address is remembered in a cookie, unless `keeps_cookies` is false (captive browsers:
    their pages carry the language in the address).
    """
    chosen = negotiate(request)
    further = further_of(request, chosen)
    nonce = security.nonce_of(request)
    token = security.form_token(request)
    tongue = Tongue(language=chosen, zone=shell.zone, now=now, currency=shell.currency, further=further)
    with speaking(tongue):
        html = (
            environment()
            .get_template(template)
            .render(
                request=request,
                shell=shell,
                now=now,
                lang=chosen,
                nonce=nonce,
                form_token=token,
                path=request.url.path,
                switch=lambda target: switch_address(request, target),
                **values,
            )
        )
        response = HTMLResponse(unturned(html), status_code=status_code)
        response.headers["content-language"] = chosen.tag
    response.headers["vary"] = "Accept-Language, Cookie"
    response.headers.setdefault("cache-control", "no-store")
    response.headers["content-security-policy"] = security.content_policy(nonce, form_targets=form_targets)
    if keeps_cookies:
        _remember(request, response, code_of(request, chosen, further), token)
    return response


def _remember(request: Request, response: HTMLResponse, code: str, token: str) -> None:
    is_secure = request.url.scheme == "https"
    if language.QUERY in request.query_params and request.cookies.get(language.COOKIE) != code:
        response.set_cookie(
            language.COOKIE, code, max_age=_YEAR_S, samesite="lax", secure=is_secure, httponly=True
        )
    if request.cookies.get(security.CSRF_COOKIE) != token:
        response.set_cookie(security.CSRF_COOKIE, token, samesite="lax", secure=is_secure, httponly=True)
