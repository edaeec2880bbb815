"""What a member chooses: how he is addressed, his birthday, language, zone, quiet hours, and the shops that he follows."""

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import get_month_names, get_timezone_location
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.audiences import follows
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.members import mutes
from district.members import service as members
from district.members.models import Member
from district.members.texts import ASKED
from district.merchants.models import Merchant
from district.problems import DistrictError, Invalid, NotFound, Unavailable
from district.stores.public import stores_of
from district.web.channel_words import channel_word
from district.web.explained import explained
from district.web.language import COOKIE, chosen, negotiate
from district.web.member_privacy import minutes_of, of_minutes
from district.web.member_shell import Reader, ReaderDep, show, show_join
from district.web.operator_forms import Sent, SentForm
from district.web.security import require_own_form
from push.consent import Purpose
from push.wording import clean

router = APIRouter()
OWN_FORM = [Depends(require_own_form)]
LONGEST_NAME = 40
CITIES = (
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Taipei",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Singapore",
    "Asia/Bangkok",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Asia/Urumqi",
    "Australia/Sydney",
    "Europe/Helsinki",
    "Europe/Moscow",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A shop that the member follows."""

    id: uuid.UUID
    name: str
    place: str


@router.get("/d/{slug}/preferences")
def page(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    saved: str = "",
    left: uuid.UUID | None = None,
    heard: uuid.UUID | None = None,
) -> Response:
    """The choices as they stand."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    member = members.get(session, reader.district.id, reader.member_id)
    filled = _sent_of(member)
    return _page(
        request, reader, session, clock, member, filled=filled, saved=saved[:12], left=left, heard=heard
    )


@router.post("/d/{slug}/preferences", dependencies=OWN_FORM)
def prefer(
    request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Keep them, or the form again with what is wrong."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    member = members.get(session, reader.district.id, reader.member_id)
    language = negotiate(request)
    try:
        with session.begin_nested():
            members.prefer(session, reader.district, member, _values(sent, member))
    except Invalid as refused:
        session.refresh(member)
        words = explained(refused, language)
        return _page(request, reader, session, clock, member, filled=sent, error=words)
    wanted = chosen(sent.one("language")) or language
    response = RedirectResponse(
        f"/d/{reader.district.slug}/preferences?saved=yes&lang={wanted.value}", HTTPStatus.SEE_OTHER
    )
    response.delete_cookie(COOKIE)
    return response


def _values(sent: Sent, member: Member) -> dict[str, Any]:
    """What the service takes. Raises: Invalid."""
    try:
        begins, ends = minutes_of(sent.one("quiet_from")), minutes_of(sent.one("quiet_until"))
        month, day = _part_of_date(sent.one("birth_month")), _part_of_date(sent.one("birth_day"))
    except ValueError as error:
        raise _quiet_hours() from error
    if (begins is None) != (ends is None) or (begins is not None and begins == ends):
        raise _quiet_hours()
    language = chosen(sent.one("language"))
    return {
        "called": clean(sent.one("called"))[:LONGEST_NAME] or None,
        "birth_month": month,
        "birth_day": day,
        "zone": sent.one("zone")[:64] or None,
        "quiet_from": begins,
        "quiet_until": ends,
        "is_personalised": sent.is_on("is_personalised") and member.is_of_age is not False,
        **({"language": language.value} if language else {}),
    }


def _part_of_date(typed: str) -> int | None:
    return int(typed[:4]) if typed else None


def _quiet_hours() -> Invalid:
    return Invalid(
        "Give both times of the quiet hours, like 21:00 and 09:00, or neither.",
        detail_zh="免打扰时段请同时填写开始和结束时间（如 21:00 和 09:00），或都不填。",
    )


@router.post("/d/{slug}/preferences/follow", dependencies=OWN_FORM)
def follow(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    store_id: Annotated[uuid.UUID, Form()],
    is_on: Annotated[str, Form(alias="on", max_length=1)] = "",
) -> Response:
    """Stop following a shop, or take that back."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    here = f"/d/{reader.district.slug}/preferences"
    if is_on != "1":
        follows.unfollow(session, reader.district.id, reader.member_id, store_id)
        return RedirectResponse(f"{here}?left={store_id}#shops", HTTPStatus.SEE_OTHER)
    try:
        follows.follow(session, reader.district.id, reader.member_id, store_id, clock=clock)
    except (NotFound, DistrictError):
        return RedirectResponse(f"{here}#shops", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{here}?saved=back#shops", HTTPStatus.SEE_OTHER)


@router.post("/d/{slug}/preferences/mute", dependencies=OWN_FORM)
def mute(
    request: Request,
    reader: ReaderDep,
    session: DbSession,
    clock: ClockDep,
    merchant_id: Annotated[uuid.UUID, Form()],
    is_on: Annotated[str, Form(alias="on", max_length=1)] = "",
) -> Response:
    """Let a merchant write again, or take that back."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    here, district_id = f"/d/{reader.district.slug}/preferences", reader.district.id
    if is_on != "1":
        mutes.unmute(session, district_id, reader.member_id, merchant_id)
        return RedirectResponse(f"{here}?heard={merchant_id}#muted", HTTPStatus.SEE_OTHER)
    with contextlib.suppress(NotFound):
        mutes.mute(session, district_id, reader.member_id, merchant_id, source="me", at=clock.now())
    return RedirectResponse(f"{here}#muted", HTTPStatus.SEE_OTHER)


def _sent_of(member: Member) -> Sent:
    """The form as it stands."""
    values = {
        "called": member.called or "",
        "birth_month": str(member.birth_month or ""),
        "birth_day": str(member.birth_day or ""),
        "language": member.language,
        "zone": member.zone or "",
        "quiet_from": of_minutes(member.quiet_from),
        "quiet_until": of_minutes(member.quiet_until),
    } | ({"is_personalised": "yes"} if member.is_personalised else {})
    return Sent(values={name: (text,) for name, text in values.items()})


def _page(
    request: Request,
    reader: Reader,
    session: Session,
    clock: Clock,
    member: Member,
    *,
    filled: Sent,
    saved: str = "",
    left: uuid.UUID | None = None,
    heard: uuid.UUID | None = None,
    error: str = "",
) -> Response:
    locale = negotiate(request).locale
    standing = members.consents_of(session, reader.district.id, reader.member_id)
    muted = [one.merchant_id for one in mutes.muted(session, reader.district.id, reader.member_id)]
    channels = [
        (channel, standing.holds(purpose, channel))
        for purpose, channel in ASKED
        if purpose is Purpose.MARKETING and channel is not None
    ]
    return show(
        request,
        reader,
        clock,
        "member/preferences.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        member=member,
        filled=filled,
        months=sorted(get_month_names("wide", locale=locale).items()),
        zones=_zones(filled.one("zone"), locale),
        own_zone=_city(reader.district.zone.key, locale),
        channels=channels,
        channel_word=channel_word,
        followed=_followed(request, session, reader, member.id),
        left=_named(request, reader, left) if left else None,
        muted=_merchants(session, reader, muted, locale),
        heard=next(iter(_merchants(session, reader, [heard], locale)), None) if heard else None,
        saved=saved,
        error=error,
        longest_name=LONGEST_NAME,
    )


def _zones(own: str, locale: Locale) -> list[tuple[str, str]]:
    """Cities to choose from, the member's own among them."""
    known = dict.fromkeys([*CITIES, *([own] if own else [])])
    return sorted(((zone, _city(zone, locale)) for zone in known), key=lambda one: one[1])


def _city(zone: str, locale: Locale) -> str:
    """What people call it; as it stands where it is no zone."""
    try:
        return get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)
    except (KeyError, ValueError, OSError):
        return zone


def _followed(request: Request, session: Session, reader: Reader, member_id: uuid.UUID) -> list[Followed]:
    rows = follows.followed(session, reader.district.id, member_id)
    found = (_named(request, reader, row.store_id) for row in rows)
    return [one for one in found if one is not None]


def _merchants(session: Session, reader: Reader, ids: Sequence[uuid.UUID], locale: Locale) -> list[Followed]:
    """These merchants, in the order of their names; one that is gone is left out."""
    wanted = select(Merchant).where(Merchant.district_id == reader.district.id, Merchant.id.in_(ids))
    is_chinese = locale.language == "zh"
    named = [
        Followed(id=row.id, name=(row.name_zh if is_chinese else "") or row.name, place="")
        for row in session.scalars(wanted)
    ]
    return sorted(named, key=lambda one: one.name.casefold())


def _named(request: Request, reader: Reader, store_id: uuid.UUID) -> Followed | None:
    """A shop by its id; None for one that has closed."""
    try:
        book = stores_of(request, reader.district.slug)
    except Unavailable:
        return Followed(id=store_id, name=str(store_id)[:8], place="")
    row = book.rows.get(store_id)
    if row is None:
        return None
    facts = book.stores[row]
    name = facts.title(negotiate(request).value) or facts.ref
    return Followed(id=store_id, name=name, place=facts.address or facts.floor or "")
