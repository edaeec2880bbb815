"""Notifications of a member's browser: asked for on a page of their own, shown by a service worker."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from district.channels.models import EndpointState
from district.clock import ClockDep
from district.database import DbSession
from district.deliveries import own_endpoints, push_subscriptions
from district.deliveries.push_routes import secret_of
from district.members import service as members
from district.members.texts import consent_text
from district.portal.routes import evidence_of
from district.problems import NotFound
from district.web.language import negotiate
from district.web.member_shell import ReaderDep, show, show_join
from district.web.security import require_own_form
from district.web.static_files import STATIC
from push.consent import Channel, Purpose

router = APIRouter()
PAGE = "/d/{slug}/notifications"
OWN_FORM = [Depends(require_own_form)]
SOURCE = "page:notifications"
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
"""In this order: each also names some of those below it."""


@dataclass(frozen=True, kw_only=True)
class Browser:
    """One of the member's browsers."""

    id: uuid.UUID
    name: str
    seen_at: datetime
    is_gone: bool


def browser_name(agent: str) -> str:
    """What people call a browser that introduces itself like this; empty for one that nobody knows."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " · ".join(filter(None, (browser, system)))


@lru_cache(maxsize=1)
def worker_script() -> str:
    """The service worker; nothing in it is anybody's."""
    return (STATIC / "app" / "push_worker.js").read_text("utf-8")


@router.get("/d/{slug}/push_worker.js")
def read_worker(slug: str) -> Response:
    """Served below the district's own address: its scope, so that a browser keeps one subscription a district."""
    headers = {"Cache-Control": "no-cache"}
    return Response(worker_script(), media_type="text/javascript; charset=utf-8", headers=headers)


@router.get(PAGE)
def show_notifications(
    request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep, saved: str = ""
) -> Response:
    """Turn notifications on or off; which browsers have them."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    language = negotiate(request).value
    district_id, member_id = reader.district.id, reader.member_id
    found = push_subscriptions.service_of(session, reader.district, secret=secret_of(request))
    rows = own_endpoints.listed(session, district_id, member_id, Channel.WEB_PUSH)
    standing = members.consents_of(session, district_id, member_id)
    return show(
        request,
        reader,
        clock,
        "member/notifications.html",
        service=found,
        words=consent_text(Purpose.MARKETING, Channel.WEB_PUSH, language).text,
        agrees=standing.holds(Purpose.MARKETING, Channel.WEB_PUSH),
        browsers=[
            Browser(
                id=row.id,
                name=browser_name(row.agent),
                seen_at=row.seen_at,
                is_gone=row.state == EndpointState.GONE,
            )
            for row in rows
        ],
        here=_here(request),
        code=_drawn(_here(request)),
        saved=saved == "yes",
    )


def _here(request: Request) -> str:
    """This page's address, as another browser opens it."""
    public = request.app.state.settings.public_url
    base = public.rstrip("/") if public else str(request.base_url).rstrip("/")
    return f"{base}{request.url.path}"


def _drawn(address: str) -> Markup:
    code = segno.make_qr(address, error="m").svg_inline(border=2, omitsize=True, dark="#000", light="#fff")
    return Markup(code)  # noqa: S704 drawn by us


@router.post(PAGE + "/agree", dependencies=OWN_FORM)
def agree(request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep) -> Response:
    """Record the consent with the words that the page showed; the browser's own permission is none."""
    if reader.principal is None:
        return Response(status_code=HTTPStatus.UNAUTHORIZED)
    member = members.get(session, reader.district.id, reader.member_id)
    members.decide(
        session,
        reader.district,
        member,
        purpose=Purpose.MARKETING,
        channel=Channel.WEB_PUSH,
        granted=True,
        language=negotiate(request).value,
        action="button",
        source=SOURCE,
        at=clock.now(),
        evidence=evidence_of(request),
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(PAGE + "/forget", dependencies=OWN_FORM)
def forget(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    browser_id: Annotated[uuid.UUID, Form()],
) -> Response:
    """Tell one browser nothing more, without having it at hand."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    member = members.get(session, reader.district.id, reader.member_id)
    try:
        own_endpoints.forget(
            session,
            reader.district,
            member,
            browser_id,
            Channel.WEB_PUSH,
            clock=clock,
            evidence=evidence_of(request),
        )
    except NotFound:
        return RedirectResponse(f"/d/{reader.district.slug}/notifications", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/d/{reader.district.slug}/notifications?saved=yes", HTTPStatus.SEE_OTHER)
