"""What a member agreed to and chose: one tap to withdraw, the data to take along, the way out."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth import principals
from district.channels.models import ChannelProvider, EndpointState, MemberEndpoint
from district.clock import ClockDep
from district.database import DbSession
from district.members import recipients
from district.members import service as members
from district.members.models import Member
from district.members.texts import ASKED, OFFERED, consent_text
from district.portal.routes import evidence_of
from district.privacy import service as privacy
from district.radius import ending
from district.web.channel_words import channel_word
from district.web.language import negotiate
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.security import require_own_form
from push.consent import Channel, Purpose

router = APIRouter()
SOURCE = "page:privacy"
CHANNELS = dict(ASKED)
MINUTES_OF_DAY = 24 * 60


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One purpose as it stands, with the exact words that it is about."""

    purpose: Purpose
    channel: Channel | None
    """Of those that are asked for here alone."""
    text: str
    is_on: bool
    at: datetime | None


def _offered(session: Session, district_id: uuid.UUID, member: Member) -> list[Channel]:
    """Channels that the district has switched on and that reach this member, the first to try first.

    Notifications of a browser are asked for on their own page, for the browser must agree too.
    """
    wanted = select(ChannelProvider.channel).where(
        ChannelProvider.district_id == district_id, ChannelProvider.is_on
    )
    on = set(session.scalars(wanted))
    mine = select(MemberEndpoint.channel).where(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.member_id == member.id,
        MemberEndpoint.state != EndpointState.GONE,
    )
    reached = set(session.scalars(mine)) - {Channel.SMS, Channel.EMAIL, Channel.WEB_PUSH}
    reached |= {Channel.SMS.value} if member.phone else set()
    reached |= {Channel.EMAIL.value} if member.email else set()
    return [channel for _, channel in OFFERED if channel in on & reached]


def _switches(session: Session, reader: Reader, member: Member, language: str) -> list[Switch]:
    current = members.consents_of(session, reader.district.id, reader.member_id)
    offered = [(Purpose.MARKETING, one) for one in _offered(session, reader.district.id, member)]
    times: dict[tuple[Purpose, Channel | None], datetime] = {
        (record.purpose, record.channel): record.at for record in current.newest
    }
    return [
        Switch(
            purpose=purpose,
            channel=channel if (purpose, channel) in OFFERED else None,
            text=consent_text(purpose, channel, language).text,
            is_on=current.holds(purpose, channel),
            at=times.get((purpose, channel)),
        )
        for purpose, channel in (*ASKED, *offered)
    ]


@router.get("/d/{slug}/privacy")
def show_privacy(
    request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep, saved: str = ""
) -> Response:
    """Consents, the data kept, and the way out."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    member = members.get(session, reader.district.id, reader.member_id)
    return _page(request, reader, session, clock, member, saved=saved)


def _page(
    request: Request,
    reader: Reader,
    session: Session,
    clock: ClockDep,
    member: Member,
    *,
    saved: str = "",
) -> Response:
    return show(
        request,
        reader,
        clock,
        "member/privacy.html",
        switches=_switches(session, reader, member, negotiate(request).value),
        channel_word=channel_word,
        recipients=_recipients(session, reader, negotiate(request).value),
        member=member,
        saved=saved,
    )


def _recipients(session: Session, reader: Reader, language: str) -> list[tuple[str, str, str]]:
    """Who receives which data, and why."""
    standing = recipients.current(session, reader.district.id)
    return [(one.name[language], one.data[language], one.why[language]) for one in standing.recipients]


def of_minutes(minutes: int | None) -> str:
    """HH:MM of minutes after midnight; nothing for None."""
    return "" if minutes is None else f"{minutes // 60:02d}:{minutes % 60:02d}"


def minutes_of(typed: str) -> int | None:
    """Minutes after midnight of HH:MM; None for nothing. Raises: ValueError."""
    if not typed.strip():
        return None
    hours, _colon, minutes = typed.strip().partition(":")
    found = int(hours) * 60 + int(minutes[:2])
    if not 0 <= found < MINUTES_OF_DAY or not 0 <= int(minutes[:2]) < 60:
        raise ValueError(typed)
    return found


def _back(reader: Reader, saved: str) -> Response:
    return RedirectResponse(
        f"/d/{reader.district.slug}/privacy?saved={saved}", status_code=HTTPStatus.SEE_OTHER
    )


@router.post("/d/{slug}/privacy/consents", dependencies=[Depends(require_own_form)])
def decide(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    purpose: Annotated[Purpose, Form()],
    granted: Annotated[bool, Form()],
    channel: Annotated[Channel | None, Form()] = None,
) -> Response:
    """Give or withdraw one consent, recorded with the words that the page showed."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    if purpose not in CHANNELS or (channel is not None and (purpose, channel) not in OFFERED):
        return _back(reader, "consents")
    member, evidence = members.get(session, reader.district.id, reader.member_id), evidence_of(request)
    members.decide(
        session,
        reader.district,
        member,
        purpose=purpose,
        channel=channel or CHANNELS[purpose],
        granted=granted,
        language=negotiate(request).value,
        action="button",
        source=SOURCE,
        at=clock.now(),
        evidence=evidence,
    )
    members.honour_gpc(session, reader.district, member, source=SOURCE, at=clock.now(), evidence=evidence)
    if purpose is Purpose.ACCESS and not granted:
        ending.end_all(session, reader.district.id, reason="withdrawn", clock=clock, member_id=member.id)
        return _back(reader, "withdrawn")
    return _back(reader, "consents")


@router.post("/d/{slug}/privacy/close", dependencies=[Depends(require_own_form)])
def close(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    sure: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Close the account, if the box beside the button is ticked."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    member = members.get(session, reader.district.id, reader.member_id)
    if not sure:
        return _page(request, reader, session, clock, member, saved="unsure")
    privacy.erase(session, reader.district, member, clock=clock)
    response = show(request, reader, clock, "member/closed.html")
    for cookie in (principals.COOKIE, principals.SECURE_COOKIE):
        response.delete_cookie(cookie, secure=cookie == principals.SECURE_COOKIE, httponly=True)
    return response
