"""What members agreed to: a history that only grows, each line with the hash of the words that were shown."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.database import notify
from district.districts.service import DistrictInfo
from district.members import ledger
from district.members.ledger import NO_EVIDENCE, Decision, Evidence
from district.members.models import Consent, Member
from district.members.models import ConsentText as ConsentTextRow
from district.members.texts import ASKED, WORDED, ConsentText, consent_text, standing_hashes
from district.problems import Conflict, Invalid
from push.consent import Channel, ConsentRecord, Consents, Purpose

CHANNEL = "member_changed"
"""The notice that something about a member changed; its payload is district:member."""


def consents_of(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> Consents:
    """What the member agrees to now."""
    rows = session.scalars(
        select(Consent).where(Consent.district_id == district_id, Consent.member_id == member_id)
    )
    return Consents.after(
        ConsentRecord(
            purpose=Purpose(row.purpose),
            channel=Channel(row.channel) if row.channel else None,
            granted=row.granted,
            at=row.at,
        )
        for row in rows
    )


def choose(
    session: Session,
    district: DistrictInfo,
    member: Member,
    *,
    purpose: Purpose,
    channel: Channel | None,
    granted: bool,
    text_hash: str | None,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> None:
    """A decision that a member makes through a program. What nobody has words for can be refused, and never granted.

    Raises: Invalid for a grant that is not asked for, Conflict when its words have changed since they were read.
    """
    asked = _asked(purpose, channel)
    if granted and asked is None:
        raise Invalid(f"Consent to {purpose} by {channel or 'every channel'} is not asked for here.")
    text = consent_text(*asked, member.language) if asked else None
    if granted and text is not None and text_hash not in {None, text.hash.hex()}:
        raise Conflict("The words have changed since they were read: show the new ones and ask again.")
    decide(
        session,
        district,
        member,
        purpose=purpose,
        channel=asked[1] if granted and asked else channel,
        granted=granted,
        language=member.language,
        action="api",
        source="me",
        at=at,
        evidence=evidence,
    )


def _asked(purpose: Purpose, channel: Channel | None) -> tuple[Purpose, Channel | None] | None:
    """What is asked for under this purpose; without a channel, the only one that it is asked for."""
    among = ASKED if channel is None else WORDED
    found = [pair for pair in among if pair[0] is purpose and channel in {None, pair[1]}]
    return found[0] if len(found) == 1 else None


def decide(
    session: Session,
    district: DistrictInfo,
    member: Member,
    *,
    purpose: Purpose,
    channel: Channel | None,
    granted: bool,
    language: str,
    action: str,
    source: str,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> None:
    """Record one decision with the hash of the text that was shown. Rows are only added.

    A decision that changes nothing adds nothing; a yes or no to changed words is a new one.

    Raises: Invalid for a grant of somebody who said that he is too young for it, or of sharing under ``Sec-GPC: 1``.
    """
    if granted and purpose is Purpose.THIRD_PARTY and evidence.sec_gpc:
        raise Invalid(
            "Your browser says that nothing of you may be shared (Global Privacy Control). Switch that off to agree.",
            detail_zh="您的浏览器已声明不得共享您的数据（Global Privacy Control）。如要同意，请先关闭该设置。",
        )
    if granted and member.is_of_age is False and purpose is not Purpose.ACCESS:
        raise Invalid(
            "Who is under the age that is asked for here cannot agree to this; the Wi-Fi is the same without it.",
            detail_zh="未达到所要求的年龄，无法同意此项；不影响上网。",
        )
    ledger.lock(session, district.id, member.id)
    text = consent_text(purpose, channel, language) if (purpose, channel) in WORDED else None
    if not _says_something_new(
        session, district.id, member.id, purpose=purpose, channel=channel, granted=granted, text=text
    ):
        return
    said = Decision(
        purpose=purpose,
        channel=channel or "",
        granted=granted,
        text_hash=_shown(session, district, text, at) if text else None,
        action=action,
        source=source,
        language=text.language if text else language,
        at=at,
        evidence=evidence,
    )
    ledger.add(session, district, member.id, said)
    notify(session, CHANNEL, f"{district.id}:{member.id}")


def _says_something_new(
    session: Session,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    *,
    purpose: Purpose,
    channel: Channel | None,
    granted: bool,
    text: ConsentText | None,
) -> bool:
    if consents_of(session, district_id, member_id).holds(purpose, channel) != granted:
        return True
    said = session.scalars(
        select(Consent.text_hash)
        .where(
            Consent.district_id == district_id,
            Consent.member_id == member_id,
            Consent.purpose == purpose,
            Consent.channel == (channel or ""),
            Consent.granted == granted,
        )
        .order_by(Consent.id.desc())
    ).all()
    if not said:
        return True
    words = standing_hashes(text.purpose, text.channel) if text else frozenset()
    return bool(words) and said[0] not in words


def unheard(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> frozenset[Purpose]:
    """What the member has not been asked in the words that stand now, and is to be asked at the next login."""
    rows = session.scalars(
        select(Consent)
        .where(Consent.district_id == district_id, Consent.member_id == member_id)
        .order_by(Consent.at, Consent.id)
    )
    newest = {(row.purpose, row.channel): row for row in rows}
    return frozenset(
        purpose
        for purpose, channel in ASKED
        if (row := newest.get((purpose, channel or ""))) is None
        or (row.text_hash is not None and row.text_hash not in standing_hashes(purpose, channel))
    )


def _shown(session: Session, district: DistrictInfo, text: ConsentText, at: datetime) -> bytes:
    statement = insert(ConsentTextRow).values(
        district_id=district.id,
        text_hash=text.hash,
        purpose=text.purpose,
        language=text.language,
        text=text.text,
        first_shown_at=at,
    )
    session.execute(statement.on_conflict_do_nothing())
    return text.hash


def honour_gpc(
    session: Session, district: DistrictInfo, member: Member, *, source: str, at: datetime, evidence: Evidence
) -> bool:
    """Take back sharing of a member whose browser says ``Sec-GPC: 1``; whether there was any to take back."""
    current = consents_of(session, district.id, member.id)
    shared = [one for one in current.newest if one.purpose is Purpose.THIRD_PARTY and one.granted]
    if not evidence.sec_gpc or not shared:
        return False
    for record in shared:
        said = Decision(
            purpose=Purpose.THIRD_PARTY,
            channel=record.channel or "",
            granted=False,
            text_hash=None,
            action="gpc",
            source=source,
            language=member.language,
            at=max(at, record.at),
            evidence=evidence,
        )
        ledger.add(session, district, member.id, said)
    notify(session, CHANNEL, f"{district.id}:{member.id}")
    return True


def stop_messages(
    session: Session,
    district: DistrictInfo,
    member: Member,
    *,
    action: str,
    source: str,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> bool:
    """Take back marketing by every channel, as a member says who shows no page; whether it was not so already."""
    ledger.lock(session, district.id, member.id)
    current = consents_of(session, district.id, member.id)
    of_marketing = [record for record in current.newest if record.purpose is Purpose.MARKETING]
    is_said = any(record.channel is None and not record.granted for record in of_marketing)
    if is_said and not any(current.holds(Purpose.MARKETING, channel) for channel in Channel):
        return False
    said = Decision(
        purpose=Purpose.MARKETING,
        channel="",
        granted=False,
        text_hash=None,
        action=action,
        source=source,
        language=member.language,
        at=max([at, *(record.at for record in of_marketing)]),
        evidence=evidence,
    )
    ledger.add(session, district, member.id, said)
    notify(session, CHANNEL, f"{district.id}:{member.id}")
    return True


def withdraw_all(session: Session, district: DistrictInfo, member: Member, *, at: datetime) -> None:
    """Take back whatever is granted, as the closing of an account does."""
    for record in consents_of(session, district.id, member.id).newest:
        if record.granted:
            said = Decision(
                purpose=record.purpose,
                channel=record.channel or "",
                granted=False,
                text_hash=None,
                action="erasure",
                source="",
                language=member.language,
                at=max(at, record.at),
            )
            ledger.add(session, district, member.id, said)
