"""Members: recognised by a verified contact or a device they used before, joined when they are neither."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from district.auth.models import LoginSession
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.members.consents import CHANNEL as CHANNEL  # noqa: PLC0414 callers ask one module about members
from district.members.consents import choose as choose  # noqa: PLC0414
from district.members.consents import consents_of as consents_of  # noqa: PLC0414
from district.members.consents import decide as decide  # noqa: PLC0414
from district.members.consents import honour_gpc as honour_gpc  # noqa: PLC0414
from district.members.consents import unheard as unheard  # noqa: PLC0414
from district.members.consents import withdraw_all
from district.members.contacts import Contact, ContactKind
from district.members.devices import ALIAS_BYTES as ALIAS_BYTES  # noqa: PLC0414
from district.members.devices import OPT_OUT_CHANNEL as OPT_OUT_CHANNEL  # noqa: PLC0414
from district.members.devices import REMEMBERED_FOR as REMEMBERED_FOR  # noqa: PLC0414
from district.members.devices import alias_of as alias_of  # noqa: PLC0414
from district.members.devices import count_device_again as count_device_again  # noqa: PLC0414
from district.members.devices import is_randomised as is_randomised  # noqa: PLC0414
from district.members.devices import see_device as see_device  # noqa: PLC0414
from district.members.ledger import Evidence as Evidence  # noqa: PLC0414
from district.members.models import Consent, DeviceAlias, Member, MemberState, OptOut
from district.problems import Invalid, NotFound
from push.template import MAX_CALLED, form_of_address

_NEVER_ABSENT = frozenset({"language", "is_personalised"})
BUCKETS = 10_000


def bucket_of(member_id: uuid.UUID) -> int:
    """The member's stable place 0-9999 for control groups."""
    return int.from_bytes(hashlib.sha256(member_id.bytes).digest()[:4]) % BUCKETS


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Whom a login met, and how sure that is."""

    member: Member
    is_new: bool
    is_proven: bool
    """By a code, a session or by joining now. A device alone proves nothing: its address can be copied."""


def by_contact(session: Session, district: DistrictInfo, contact: Contact) -> Member | None:
    """The member with a verified phone or e-mail address, or whom that membership became part of."""
    column = Member.phone if contact.kind is ContactKind.PHONE else Member.email
    found = session.scalar(
        select(Member).where(
            Member.district_id == district.id, column == contact.value, Member.state != MemberState.ERASED
        )
    )
    while found is not None and found.merged_into is not None:
        found = session.get(Member, (district.id, found.merged_into))
    return found if found is not None and found.state == MemberState.ACTIVE else None


def by_alias(session: Session, district: DistrictInfo, alias: bytes, *, clock: Clock) -> Member | None:
    """The member who used this device last, and lately."""
    return session.scalar(
        select(Member)
        .join(
            DeviceAlias,
            (DeviceAlias.district_id == Member.district_id) & (DeviceAlias.member_id == Member.id),
        )
        .where(
            DeviceAlias.district_id == district.id,
            DeviceAlias.alias == alias,
            DeviceAlias.last_seen_at > clock.now() - REMEMBERED_FOR,
            Member.state == MemberState.ACTIVE,
        )
    )


def find(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> Member | None:
    """The member, unless there is none or the membership is closed."""
    member = session.get(Member, (district_id, member_id))
    return member if member is not None and member.state == MemberState.ACTIVE else None


def get(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> Member:
    """Raises: NotFound."""
    member = find(session, district_id, member_id)
    if member is None:
        raise NotFound("No such member.")
    return member


def join(
    session: Session,
    district: DistrictInfo,
    *,
    language: str,
    clock: Clock,
    contact: Contact | None = None,
    is_demo: bool = False,
) -> Member:
    """Register a member."""
    member_id = new_id()
    member = Member(
        district_id=district.id,
        id=member_id,
        phone=contact.value if contact and contact.kind is ContactKind.PHONE else None,
        email=contact.value if contact and contact.kind is ContactKind.EMAIL else None,
        language=language,
        bucket=bucket_of(member_id),
        joined_at=clock.now(),
        is_demo=is_demo,
    )
    session.add(member)
    session.flush()
    return member


def recognise(
    session: Session,
    district: DistrictInfo,
    *,
    alias: bytes | None,
    contact: Contact | None,
    known: uuid.UUID | None,
    language: str,
    clock: Clock,
) -> Recognition:
    """Find the member of a login, or register one.

    A verified contact decides; else the member of the browser's session; else the device. A contact that nobody
    has yet is given to the member of the session who has none, or starts a new membership: never to whoever used
    the device.
    """
    current = session.get(Member, (district.id, known)) if known else None
    if current is not None and current.state != MemberState.ACTIVE:
        current = None
    if contact is not None:
        found = _by_verified_contact(session, district, contact, current, language=language, clock=clock)
        found.member.verified_at = clock.now()
        return found
    if current is not None:
        return Recognition(member=current, is_new=False, is_proven=True)
    met = by_alias(session, district, alias, clock=clock) if alias else None
    if met is not None:
        return Recognition(member=met, is_new=False, is_proven=False)
    return Recognition(
        member=join(session, district, language=language, clock=clock), is_new=True, is_proven=True
    )


def _by_verified_contact(
    session: Session,
    district: DistrictInfo,
    contact: Contact,
    current: Member | None,
    *,
    language: str,
    clock: Clock,
) -> Recognition:
    found = by_contact(session, district, contact)
    if found is not None:
        return Recognition(member=found, is_new=False, is_proven=True)
    try:
        with session.begin_nested():
            if current is not None and current.phone is None and current.email is None:
                setattr(current, contact.kind, contact.value)
                session.flush()
                return Recognition(member=current, is_new=False, is_proven=True)
            member = join(session, district, language=language, clock=clock, contact=contact)
            return Recognition(member=member, is_new=True, is_proven=True)
    except IntegrityError:
        # The same person verified twice at once; the other one has committed.
        found = by_contact(session, district, contact)
        if found is None:
            raise
        return Recognition(member=found, is_new=False, is_proven=True)


def prefer(session: Session, district: DistrictInfo, member: Member, values: Mapping[str, Any]) -> None:
    """Change language, zone, quiet hours and whether offers may look at the member.

    Raises: Invalid for an unknown zone, half of quiet hours, or looking at somebody who said that he is too young.
    """
    if values.get("is_personalised") and member.is_of_age is False:
        raise Invalid(
            "Who is under the age that is asked for here gets no personal offers.",
            detail_zh="未达到所要求的年龄，不能开启个性化优惠。",
        )
    zone = values.get("zone")
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Invalid(f"{zone!r} is not an IANA time zone such as Asia/Shanghai.") from None
    if values.get("called") is not None:
        values = {**values, "called": _called(values["called"])}
    for name, value in values.items():
        if name not in _NEVER_ABSENT or value is not None:
            setattr(member, name, value)
    if (member.quiet_from is None) != (member.quiet_until is None):
        raise Invalid("Quiet hours need both quiet_from and quiet_until, or neither.")
    _check_birthday(member)
    session.flush()
    notify(session, CHANNEL, f"{district.id}:{member.id}")


def _called(given: str) -> str | None:
    """Raises: Invalid for a form of address that is too long."""
    try:
        return form_of_address(given) or None
    except ValueError:
        raise Invalid(
            f"A form of address has at most {MAX_CALLED} letters: shorten it.",
            detail_zh=f"称呼最多 {MAX_CALLED} 个字，请缩短。",
        ) from None


def _check_birthday(member: Member) -> None:
    """Raises: Invalid for half of a birthday, or a day that no year has."""
    if member.birth_month is None and member.birth_day is None:
        return
    try:
        date(2000, member.birth_month or 0, member.birth_day or 0)  # a year that has every day
    except ValueError:
        raise Invalid(
            "A birthday needs a birth_month and a birth_day that exist, or neither.",
            detail_zh="生日须同时填写存在的月和日，或都不填写。",
        ) from None


def export(session: Session, district: DistrictInfo, member: Member) -> dict[str, Any]:
    """Devices and consents of a member, as plain values."""
    devices = session.scalars(
        select(DeviceAlias).where(DeviceAlias.district_id == district.id, DeviceAlias.member_id == member.id)
    )
    consents = session.scalars(
        select(Consent)
        .where(Consent.district_id == district.id, Consent.member_id == member.id)
        .order_by(Consent.id)
    )
    return {
        "devices": [
            {
                "pseudonym": row.alias.hex(),
                "first_seen_at": row.first_seen_at,
                "last_seen_at": row.last_seen_at,
            }
            for row in devices
        ],
        "consents": [
            {
                "purpose": row.purpose,
                "channel": row.channel or None,
                "granted": row.granted,
                "at": row.at,
                "action": row.action,
                "source": row.source,
                "text_sha256": row.text_hash.hex() if row.text_hash else None,
                "recipients_version": row.recipients_version,
                "sec_gpc": row.sec_gpc,
            }
            for row in consents
        ],
    }


def erase(session: Session, district: DistrictInfo, member: Member, *, clock: Clock) -> None:
    """Close the membership: contacts, choices and devices go, every session ends, devices are dropped at the edge.

    What was agreed to stays as proof, of somebody whom nothing names any more, and ends with a withdrawal of all.
    What other slices keep of the member is ``privacy.service.erase``'s to end; it calls this.
    """
    now = clock.now()
    withdraw_all(session, district, member, at=now)
    aliases = session.scalars(
        select(DeviceAlias.alias).where(
            DeviceAlias.district_id == district.id, DeviceAlias.member_id == member.id
        )
    ).all()
    for alias in aliases:
        values = {"district_id": district.id, "alias": alias, "at": now}
        session.execute(insert(OptOut).values(values).on_conflict_do_nothing())
    session.query(DeviceAlias).filter_by(district_id=district.id, member_id=member.id).delete()
    member.phone = member.email = member.zone = member.quiet_from = member.quiet_until = None
    member.birth_month = member.birth_day = member.called = None
    member.state = MemberState.ERASED
    session.query(LoginSession).filter_by(district_id=district.id, subject_id=member.id).delete()
    session.flush()
    notify(session, CHANNEL, f"{district.id}:{member.id}")
    notify(session, OPT_OUT_CHANNEL)
