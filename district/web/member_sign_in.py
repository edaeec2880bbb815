"""Logging a member in with a code, outside the captive portal."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from district.auth import service as auth
from district.auth.codes import WrongCode
from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.members import contacts
from district.members import service as members
from district.members.contacts import Contact
from district.portal import service as portal
from district.portal.routes import network_of
from district.problems import DistrictError, Invalid, TooMany, Unavailable
from district.web.explained import explained
from district.web.language import negotiate
from district.web.member_shell import Reader, ReaderDep, show
from district.web.security import require_own_form
from district.web.session_cookie import remember

router = APIRouter()
PATH = "/d/{slug}/sign-in"


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the form; with a ticket a code was sent and is asked for."""

    method: str = "phone"
    phone: str = ""
    email: str = ""
    ticket: str = ""
    goal: str = ""
    error: str = ""


def own_goal(reader: Reader, wanted: str) -> str:
    """Where to go afterwards: only to pages of this district, whatever the address says."""
    base = f"/d/{reader.district.slug}/"
    is_own = (
        wanted.startswith(base)
        and wanted.isascii()
        and not set(wanted) & set("\\\r\n\t ")
        and ".." not in wanted
    )
    return wanted if is_own else f"{base}inbox"


def _page(
    request: Request, reader: Reader, clock: Clock, typed: Typed, *, status: int = HTTPStatus.OK
) -> Response:
    return show(request, reader, clock, "member/sign_in.html", status=status, typed=typed)


@router.get(PATH)
def show_sign_in(
    request: Request,
    reader: ReaderDep,
    clock: ClockDep,
    goal: Annotated[str, Query(alias="next", max_length=300)] = "",
) -> Response:
    """The form for a phone number or an e-mail address."""
    return _page(request, reader, clock, Typed(goal=own_goal(reader, goal)))


@router.post(PATH, dependencies=[Depends(require_own_form)])
def sign_in(
    request: Request,
    reader: ReaderDep,
    clock: ClockDep,
    method: Annotated[str, Form(max_length=10)] = "",
    phone: Annotated[str, Form(max_length=40)] = "",
    email: Annotated[str, Form(max_length=254)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
    ticket: Annotated[str, Form(max_length=64)] = "",
    goal: Annotated[str, Form(alias="next", max_length=300)] = "",
) -> Response:
    """Send a code, or check it and open a session."""
    typed = Typed(method=method, phone=phone, email=email, ticket=ticket, goal=own_goal(reader, goal))
    try:
        contact = contacts.of(
            phone if method == "phone" else None,
            email if method == "email" else None,
            country=reader.district.country,
        )
        if not ticket:
            return _send(request, reader, clock, typed, contact)
        return _enter(request, reader, clock, typed, contact, code)
    except (Invalid, TooMany, Unavailable, WrongCode) as error:
        return _again(request, reader, clock, typed, error)


def _again(request: Request, reader: Reader, clock: Clock, typed: Typed, error: DistrictError) -> Response:
    filled = replace(typed, error=explained(error, negotiate(request)))
    return _page(request, reader, clock, filled, status=error.status)


def _send(request: Request, reader: Reader, clock: Clock, typed: Typed, contact: Contact) -> Response:
    with request.app.state.sessions.begin() as session:
        ticket = portal.send_code(
            session,
            reader.district,
            contact,
            network=network_of(request),
            clock=clock,
            language=negotiate(request).value,
            is_shown=request.app.state.settings.demo_console_codes,
        )
    values = {typed.method: contact.value}
    return _page(request, reader, clock, Typed(method=typed.method, ticket=ticket, goal=typed.goal, **values))


def _enter(
    request: Request, reader: Reader, clock: Clock, typed: Typed, contact: Contact, code: str
) -> Response:
    """A new contact becomes the session's member's, or starts a membership that first sees what it agreed to."""
    sessions = request.app.state.sessions
    portal.verify(sessions, reader.district, contact, code=code, ticket=typed.ticket, clock=clock)
    with sessions.begin() as session:
        found = members.recognise(
            session,
            reader.district,
            alias=None,
            contact=contact,
            known=reader.principal.subject_id if reader.principal else None,
            language=negotiate(request).value,
            clock=clock,
        )
        portal.proved(session, reader.district, contact)
        issued = auth.open_session(
            session,
            role=Role.SHOPPER,
            district_id=reader.district.id,
            district_slug=reader.district.slug,
            subject_id=found.member.id,
            clock=clock,
        )
    goal = f"/d/{reader.district.slug}/privacy" if found.is_new else typed.goal
    response = RedirectResponse(goal, status_code=HTTPStatus.SEE_OTHER)
    remember(request, response, issued)
    return response
