"""Ending messages by the link in one of them, and taking that back: by merchant, by channel, or all of them."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from district.database import notify
from district.districts.service import DistrictInfo
from district.members import consents, ledger, mutes
from district.members.ledger import NO_EVIDENCE, Decision, Evidence
from district.members.models import Consent, Member
from push.consent import Channel, ConsentRecord, Consents, Purpose

UNDO_FOR: Final = timedelta(hours=1)
"""So long after a stop the same link takes it back; later the member agrees anew."""
_AFTER: Final = timedelta(microseconds=1)


class StopScope(StrEnum):
    """What is to end."""

    MERCHANT = "merchant"
    CHANNEL = "channel"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One link's stop: its message's channel and merchant, and what names the link in the records."""

    scope: StopScope
    channel: Channel
    merchant_id: uuid.UUID | None
    source: str


def stop(
    session: Session,
    district: DistrictInfo,
    member: Member,
    wanted: Stop,
    *,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> None:
    """End such messages; again changes nothing."""
    match wanted.scope:
        case StopScope.MERCHANT:
            if wanted.merchant_id is not None:
                mutes.mute(session, district.id, member.id, wanted.merchant_id, source=wanted.source, at=at)
        case StopScope.CHANNEL:
            _stop_channel(session, district, member, wanted, at=at, evidence=evidence)
        case StopScope.ALL:
            consents.stop_messages(
                session, district, member, action="link", source=wanted.source, at=at, evidence=evidence
            )


def _stop_channel(
    session: Session,
    district: DistrictInfo,
    member: Member,
    wanted: Stop,
    *,
    at: datetime,
    evidence: Evidence,
) -> None:
    ledger.lock(session, district.id, member.id)
    current = consents.consents_of(session, district.id, member.id)
    if not current.holds(Purpose.MARKETING, wanted.channel):
        return
    spoken = [one.at for one in current.newest if one.purpose is Purpose.MARKETING]
    said = Decision(
        purpose=Purpose.MARKETING,
        channel=wanted.channel,
        granted=False,
        text_hash=None,
        action="link",
        source=wanted.source,
        language=member.language,
        at=max([at, *spoken]),
        evidence=evidence,
    )
    ledger.add(session, district, member.id, said)
    notify(session, consents.CHANNEL, f"{district.id}:{member.id}")


def is_stopped(session: Session, district: DistrictInfo, member_id: uuid.UUID, wanted: Stop) -> bool:
    """Whether such messages have ended, by this link or otherwise."""
    if wanted.scope is StopScope.MERCHANT:
        every = mutes.muted(session, district.id, member_id)
        return any(one.merchant_id == wanted.merchant_id for one in every)
    current = consents.consents_of(session, district.id, member_id)
    channels = [wanted.channel] if wanted.scope is StopScope.CHANNEL else list(Channel)
    return not any(current.holds(Purpose.MARKETING, one) for one in channels)


def undo(
    session: Session,
    district: DistrictInfo,
    member: Member,
    wanted: Stop,
    *,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> bool:
    """Take back what this link did within the last hour, as far as the member has said nothing since.

    It restores what he had agreed to and never more. Whether there was anything to take back.
    """
    ledger.lock(session, district.id, member.id)
    if wanted.scope is StopScope.MERCHANT:
        return _unmute(session, district.id, member.id, wanted, at=at)
    rows = [
        row
        for row in ledger.records_of(session, district.id, member.id)
        if row.purpose == Purpose.MARKETING and row.channel in {"", wanted.channel, *_all_of(wanted)}
    ]
    if not rows or not _is_own(rows[-1], wanted, at):
        return False
    before, now = _standing(rows[:-1]), _standing(rows)
    for channel in [one for one in Channel if before.holds(Purpose.MARKETING, one)]:
        if not now.holds(Purpose.MARKETING, channel):
            again = replace(_again(rows, channel, member, wanted), at=_later(rows, at), evidence=evidence)
            ledger.add(session, district, member.id, again)
    notify(session, consents.CHANNEL, f"{district.id}:{member.id}")
    return True


def _unmute(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, wanted: Stop, *, at: datetime
) -> bool:
    for one in mutes.muted(session, district_id, member_id):
        if one.merchant_id == wanted.merchant_id and one.source == wanted.source and at - one.at <= UNDO_FOR:
            mutes.unmute(session, district_id, member_id, one.merchant_id)
            return True
    return False


def _all_of(wanted: Stop) -> frozenset[str]:
    return frozenset(Channel) if wanted.scope is StopScope.ALL else frozenset()


def _is_own(row: Consent, wanted: Stop, at: datetime) -> bool:
    channel = "" if wanted.scope is StopScope.ALL else wanted.channel.value
    is_same = (row.action, row.source, row.channel, row.granted) == ("link", wanted.source, channel, False)
    return is_same and at - row.at <= UNDO_FOR


def _standing(rows: list[Consent]) -> Consents:
    return Consents.after(
        ConsentRecord(
            purpose=Purpose(row.purpose),
            channel=Channel(row.channel) if row.channel else None,
            granted=row.granted,
            at=row.at,
        )
        for row in rows
    )


def _later(rows: list[Consent], at: datetime) -> datetime:
    """Of two at one moment the withdrawal holds: the clock of a demo may stand still."""
    return max(at, rows[-1].at + _AFTER)


def _again(rows: list[Consent], channel: Channel, member: Member, wanted: Stop) -> Decision:
    """What was agreed to before, in the words that were shown then."""
    given = next((row for row in reversed(rows) if row.granted and row.channel in {"", channel}), None)
    return Decision(
        purpose=Purpose.MARKETING,
        channel=channel,
        granted=True,
        text_hash=given.text_hash if given else None,
        action="unlink",
        source=wanted.source,
        language=given.language if given else member.language,
        at=rows[-1].at,
    )
