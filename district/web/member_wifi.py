"""A member's way around the sign-in page: a name of his own for 802.1X, as a profile for each kind of device."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from district.clock import Clock, ClockDep
from district.database import DbSession
from district.members import service as members
from district.members.models import Member
from district.members.texts import consent_text
from district.portal.routes import evidence_of
from district.problems import Conflict, DistrictError, NotFound, TooMany, Unavailable
from district.radius import authority, credentials, profiles
from district.radius.credentials import Network
from district.radius.models import RadiusCredential
from district.radius.profiles import APPLE_TYPE, PASSPOINT_TYPE, Profile
from district.web.explained import explained
from district.web.language import Tongue, gettext, negotiate, speaking
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.security import require_own_form
from push.consent import Purpose

router = APIRouter()
PAGE = "/d/{slug}/wifi"
SOURCE = "page:wifi"
Username = Annotated[str, Path(max_length=253, pattern=r"^m[0-9a-f]{16}@[a-z0-9.-]+$")]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One of the member's names as the page tells of it."""

    username: str
    created_at: datetime
    expires_at: datetime
    times: int
    last_at: datetime | None


@router.get(PAGE)
def show_wifi(
    request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep, done: str = ""
) -> Response:
    """The member's names, and how to have one."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    return _page(request, reader, session, clock, done=done)


def _page(
    request: Request,
    reader: Reader,
    session: Session,
    clock: Clock,
    *,
    done: str = "",
    refused: DistrictError | None = None,
    read: RadiusCredential | None = None,
) -> Response:
    network = credentials.network_of(session, reader.district.id)
    return show(
        request,
        reader,
        clock,
        "member/wifi.html",
        status=refused.status if refused else HTTPStatus.OK,
        network=network,
        fingerprint=authority.sha256_of(network.certificate) if network else "",
        names=_shown(session, reader, clock),
        most=credentials.MOST_AT_ONCE,
        needs_consent=not _has_access(session, reader),
        consent=consent_text(Purpose.ACCESS, None, negotiate(request).value).text,
        done=done,
        error=explained(refused, negotiate(request)) if refused else "",
        read=read,
    )


def _has_access(session: Session, reader: Reader) -> bool:
    """Whether the member accepted the terms in the words that stand now: under older ones no name works."""
    district_id, member_id = reader.district.id, reader.member_id
    holds = members.consents_of(session, district_id, member_id).holds(Purpose.ACCESS, None)
    return holds and Purpose.ACCESS not in members.unheard(session, district_id, member_id)


def _shown(session: Session, reader: Reader, clock: Clock) -> Sequence[Shown]:
    rows = credentials.live(session, reader.district.id, reader.member_id, now=clock.machine_now())
    handed = credentials.deliveries_of(session, reader.district.id, [row.username for row in rows])
    return [
        Shown(
            username=row.username,
            created_at=row.created_at,
            expires_at=row.expires_at,
            times=handed.get(row.username, (0, None))[0],
            last_at=handed.get(row.username, (0, None))[1],
        )
        for row in rows
    ]


@router.post(PAGE, dependencies=[Depends(require_own_form)])
def issue(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    agreed: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Make a name. Who has not agreed to the terms of access does so by the same press, under their words."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    member = members.get(session, reader.district.id, reader.member_id)
    if not _has_access(session, reader):
        if not agreed:
            return _page(request, reader, session, clock)
        _agree(request, reader, session, clock, member)
    life = request.app.state.settings.radius_credential_life
    try:
        credentials.issue(session, reader.district, member, life=life, clock=clock)
    except (Conflict, TooMany, Unavailable) as error:
        return _page(request, reader, session, clock, refused=error)
    return _back(reader, "made")


@router.post(f"{PAGE}/terms", dependencies=[Depends(require_own_form)])
def accept_terms(request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep) -> Response:
    """Accept the terms as they stand now; the names that the member has work again at once."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    _agree(request, reader, session, clock, members.get(session, reader.district.id, reader.member_id))
    return _back(reader, "agreed")


def _agree(request: Request, reader: Reader, session: Session, clock: Clock, member: Member) -> None:
    members.decide(
        session,
        reader.district,
        member,
        purpose=Purpose.ACCESS,
        channel=None,
        granted=True,
        language=negotiate(request).value,
        action="button",
        source=SOURCE,
        at=clock.now(),
        evidence=evidence_of(request),
    )


def _back(reader: Reader, done: str) -> Response:
    return RedirectResponse(f"/d/{reader.district.slug}/wifi?done={done}", HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/{{username}}/revoke", dependencies=[Depends(require_own_form)])
def revoke(
    username: Username, request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep
) -> Response:
    """Take a name back; what it opened ends at once."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    credentials.revoke(session, _row(session, reader, username, clock), clock=clock)
    return _back(reader, "revoked")


@router.post(f"{PAGE}/{{username}}/read", dependencies=[Depends(require_own_form)])
def read(
    username: Username, request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep
) -> Response:
    """Name and password on the page, for devices that take no profile."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    row = _row(session, reader, username, clock)
    credentials.hand_out(session, row, credentials.Form.READ, at=clock.machine_now())
    return _page(request, reader, session, clock, read=row)


@router.get(f"{PAGE}/{{username}}/apple.mobileconfig")
def give_apple(
    username: Username, request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep
) -> Response:
    """The profile for iPhone, iPad and Mac."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    row = _row(session, reader, username, clock)
    profile = _profile(session, request, reader, row)
    tongue = Tongue(
        language=negotiate(request),
        zone=reader.district.zone,
        now=clock.now(),
        currency=reader.district.currency,
    )
    with speaking(tongue):
        description = gettext(
            "Joins the Wi-Fi of %(district)s without the sign-in page. Only this network trusts the certificate in it. "
            "The profile is not signed; it comes from your own page there.",
            district=profile.title,
        )
    body = profiles.apple(profile, description=description)
    credentials.hand_out(session, row, credentials.Form.APPLE, at=clock.machine_now())
    return _file(body, APPLE_TYPE, {"Content-Disposition": 'attachment; filename="wifi.mobileconfig"'})


@router.get(f"{PAGE}/{{username}}/passpoint")
def give_passpoint(
    username: Username, request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep
) -> Response:
    """The profile for Android: Chrome hands it to the installer, if no Content-Disposition tells it to save a file."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    row = _row(session, reader, username, clock)
    body = profiles.passpoint(_profile(session, request, reader, row))
    credentials.hand_out(session, row, credentials.Form.PASSPOINT, at=clock.machine_now())
    return _file(body, PASSPOINT_TYPE, {"Content-Transfer-Encoding": "base64"})


@router.get(f"{PAGE}/authority.cer")
def give_authority(request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep) -> Response:
    """The authority's certificate, for devices that are set up by hand; it is no secret."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    network = _network(session, reader)
    return _file(
        authority.der_of(network.certificate),
        "application/x-x509-ca-cert",
        {"Content-Disposition": 'attachment; filename="wifi-authority.cer"'},
    )


def _file(body: bytes, kind: str, headers: dict[str, str]) -> Response:
    return Response(body, media_type=kind, headers={"Cache-Control": "no-store", **headers})


def _row(session: Session, reader: Reader, username: str, clock: Clock) -> RadiusCredential:
    return credentials.get(session, reader.district.id, reader.member_id, username, now=clock.machine_now())


def _network(session: Session, reader: Reader) -> Network:
    network = credentials.network_of(session, reader.district.id)
    if network is None:
        raise NotFound("This district has not set up Wi-Fi without the sign-in page.")
    return network


def _profile(session: Session, request: Request, reader: Reader, row: RadiusCredential) -> Profile:
    return Profile(
        network=_network(session, reader),
        title=reader.district.title(negotiate(request).value),
        username=row.username,
        password=row.password,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
