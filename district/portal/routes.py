"""Log in for programs: codes for shoppers, tokens for everybody."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from district.auth import principals
from district.auth import service as auth
from district.auth.models import Role
from district.auth.principals import Shopper, require
from district.auth.service import IssuedToken, Principal
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo, Registry, RegistryDep
from district.members import contacts
from district.members import service as members
from district.members.models import Member
from district.members.schemas import (
    CodeRequest,
    ConsentChoices,
    ConsentState,
    MemberAnswer,
    Preferences,
    TokenAnswer,
    TokenRequest,
)
from district.members.texts import ASKED, consent_text
from district.portal import service
from district.problems import Invalid, NotAuthenticated, NotFound
from district.proxies import address_of
from district.proxies import network_of as network_of  # noqa: PLC0414 pages took it from here
from district.radius import ending
from push.consent import Purpose
from push.wording import Language, language_of

router = APIRouter(prefix="/v1", tags=["members"])
Caller = Annotated[Principal, Depends(require(*Role))]


def _district_of(registry: Registry, slug: str | None) -> DistrictInfo:
    """The named district; the only one when there is only one. Raises: Invalid, NotFound."""
    if slug is not None:
        return registry.find(slug)
    if len(registry.by_slug) == 1:
        return next(iter(registry.by_slug.values()))
    raise Invalid("There are several districts: say which with `district`.")


@router.post("/codes", status_code=202)
def ask_for_code(
    body: CodeRequest, request: Request, registry: RegistryDep, session: DbSession, clock: ClockDep
) -> dict[str, str]:
    """Send a one-time code to a phone or an e-mail address."""
    district = _district_of(registry, body.district)
    contact = contacts.of(body.phone, body.email, country=district.country)
    settings = request.app.state.settings
    service.send_code(
        session,
        district,
        contact,
        network=network_of(request),
        clock=clock,
        language=language_of(request.headers.get("accept-language")) or Language.EN,
        is_shown=settings.demo_console_codes,
        is_bound=False,
    )
    return {"status": "sent", "district": district.slug}


def get_sessions(request: Request) -> sessionmaker[Session]:
    """Sessions for work that commits by itself."""
    sessions: sessionmaker[Session] = request.app.state.sessions
    return sessions


@router.post("/tokens")
def log_in(
    body: TokenRequest,
    request: Request,
    response: Response,
    registry: RegistryDep,
    sessions: Annotated[sessionmaker[Session], Depends(get_sessions)],
    clock: ClockDep,
) -> TokenAnswer:
    """A token for staff (user name and password) or for a shopper (phone or e-mail address, and code)."""
    response.headers["Cache-Control"] = "no-store"
    if body.username is not None and body.password is not None:
        issued = auth.log_in(
            sessions,
            username=body.username,
            password=body.password,
            network=network_of(request),
            district_slug_of={info.id: info.slug for info in registry.by_slug.values()},
            clock=clock,
        )
    elif body.code is not None:
        issued = _log_in_shopper(body, body.code, registry, sessions, clock)
    else:
        raise Invalid("Give username and password, or phone or email with code.")
    return TokenAnswer(
        token=issued.token, role=issued.role, expires_at=issued.expires_at, district=issued.district_slug
    )


def _log_in_shopper(
    body: TokenRequest, code: str, registry: Registry, sessions: sessionmaker[Session], clock: Clock
) -> IssuedToken:
    district = _district_of(registry, body.district)
    contact = contacts.of(body.phone, body.email, country=district.country)
    service.verify(sessions, district, contact, code=code, ticket=None, clock=clock)
    with sessions.begin() as session:
        found = members.recognise(
            session, district, alias=None, contact=contact, known=None, language="en", clock=clock
        )
        service.proved(session, district, contact)
        return auth.open_session(
            session,
            role=Role.SHOPPER,
            district_id=district.id,
            district_slug=district.slug,
            subject_id=found.member.id,
            clock=clock,
        )


@router.delete("/tokens", status_code=204)
def log_out(request: Request, principal: Caller, session: DbSession, clock: ClockDep) -> Response:
    """End the session of the token that is sent, at once and everywhere."""
    token = principals.token_of(request)
    if token is not None:
        auth.close_session(session, principal.district_id, token, clock=clock)
    return Response(status_code=204)


def self_of(session: Session, principal: Shopper, registry: Registry) -> tuple[DistrictInfo, Member]:
    """The caller's district and membership. Raises: NotAuthenticated when it has ended."""
    district = registry.find(principal.district_slug)
    try:
        return district, members.get(session, district.id, principal.subject_id)
    except NotFound as error:
        raise NotAuthenticated("This membership has ended.") from error


@router.get("/me")
def me(principal: Shopper, session: DbSession, registry: RegistryDep) -> MemberAnswer:
    """The caller's membership."""
    district, member = self_of(session, principal, registry)
    return _answer(district, member)


def _answer(district: DistrictInfo, member: Member) -> MemberAnswer:
    return MemberAnswer(
        id=member.id,
        district=district.slug,
        phone=member.phone,
        email=member.email,
        language=member.language,
        zone=member.zone,
        quiet_from=member.quiet_from,
        quiet_until=member.quiet_until,
        joined_at=member.joined_at,
        is_personalised=member.is_personalised,
        birth_month=member.birth_month,
        birth_day=member.birth_day,
        called=member.called,
    )


@router.put("/me/preferences")
def set_preferences(
    body: Preferences, principal: Shopper, session: DbSession, registry: RegistryDep
) -> MemberAnswer:
    """Language, zone and quiet hours."""
    district, member = self_of(session, principal, registry)
    members.prefer(session, district, member, body.model_dump(exclude_unset=True))
    return _answer(district, member)


def consent_states(session: Session, district: DistrictInfo, member: Member) -> list[ConsentState]:
    """Every purpose that is asked for, as it stands, with the words that are asked."""
    current = members.consents_of(session, district.id, member.id)
    states = []
    for purpose, channel in ASKED:
        text = consent_text(purpose, channel, member.language)
        states.append(
            ConsentState(
                purpose=purpose,
                channel=channel,
                granted=current.holds(purpose, channel),
                at=max(
                    (r.at for r in current.newest if r.purpose is purpose and r.channel == channel),
                    default=None,
                ),
                text=text.text,
                text_hash=text.hash.hex(),
            )
        )
    return states


@router.get("/me/consents")
def consents(principal: Shopper, session: DbSession, registry: RegistryDep) -> dict[str, list[ConsentState]]:
    """What the caller agreed to."""
    district, member = self_of(session, principal, registry)
    return {"consents": consent_states(session, district, member)}


def evidence_of(request: Request) -> members.Evidence:
    """What stands behind a choice that a logged-in member makes."""
    agent = request.headers.get("user-agent", "")
    return members.Evidence(
        proof="session", address=address_of(request), agent=agent, sec_gpc=says_gpc(request)
    )


def says_gpc(request: Request) -> bool:
    """Whether the browser says that nothing of its user may be sold or shared (Global Privacy Control)."""
    return request.headers.get("sec-gpc", "").strip() == "1"


@router.put("/me/consents")
def set_consents(
    body: ConsentChoices,
    request: Request,
    principal: Shopper,
    session: DbSession,
    registry: RegistryDep,
    clock: ClockDep,
) -> dict[str, list[ConsentState]]:
    """Give or withdraw consents; each is recorded with the words that were shown."""
    district, member = self_of(session, principal, registry)
    evidence = evidence_of(request)
    for choice in body.consents:
        members.choose(
            session,
            district,
            member,
            purpose=choice.purpose,
            channel=choice.channel,
            granted=choice.granted,
            text_hash=choice.text_hash,
            at=clock.now(),
            evidence=evidence,
        )
        if choice.purpose is Purpose.ACCESS and not choice.granted:
            ending.end_all(session, district.id, reason="withdrawn", clock=clock, member_id=member.id)
    members.honour_gpc(session, district, member, source="me", at=clock.now(), evidence=evidence)
    return {"consents": consent_states(session, district, member)}
