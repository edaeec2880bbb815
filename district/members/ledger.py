"""The consent ledger: each member's decisions in a chain of hashes, and the proof of one purpose in one call."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from district.database import new_id
from district.districts.service import DistrictInfo
from district.members import recipients, terms
from district.members.models import Consent, ConsentText, Member
from push.consent import Purpose

GENESIS = bytes(32)
WHOLE_FORM = 2
"""Records since access point, program, recipients and Sec-GPC belong to them; the hash of older ones is as it was."""
PORTAL_VERSION = metadata.version("shangquan")
AGENT_MOST = 300
ADDRESS_MOST = 60


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What stands behind a decision. Address and agent expire after 180 days."""

    proof: str = ""
    """The verified code, provider or session."""
    address: str = ""
    agent: str = ""
    access_point_mac: str = ""
    """Where the person stood; empty when he was on a page of his own."""
    sec_gpc: bool = False
    """The browser said ``Sec-GPC: 1``: nothing of its user may be sold or shared."""


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was said, and how."""

    purpose: str
    channel: str
    granted: bool
    text_hash: bytes | None
    action: str
    source: str
    language: str
    at: datetime
    evidence: Evidence = NO_EVIDENCE


def add(session: Session, district: DistrictInfo, member_id: uuid.UUID, said: Decision) -> Consent:
    """Write a decision after the member's last one. Locks the member until the commit."""
    lock(session, district.id, member_id)
    row = Consent(
        district_id=district.id,
        id=new_id(),
        member_id=member_id,
        purpose=said.purpose,
        channel=said.channel,
        granted=said.granted,
        text_hash=said.text_hash,
        action=said.action,
        source=said.source,
        at=said.at,
        language=said.language,
        terms_version=terms.CURRENT.version,
        controller=district.name,
        address=said.evidence.address[:ADDRESS_MOST],
        agent=_one_line(said.evidence.agent)[:AGENT_MOST],
        proof=said.evidence.proof,
        access_point_mac=said.evidence.access_point_mac,
        portal_version=PORTAL_VERSION,
        sec_gpc=said.evidence.sec_gpc,
        recipients_version=recipients.version_of(session, district.id),
        form=WHOLE_FORM,
        previous_hash=_last_hash(session, district.id, member_id),
    )
    row.hash = hash_of(row)
    session.add(row)
    session.flush()
    return row


def _one_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def lock(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Of two that decide for one member at once the later waits; who only refers to the member does not."""
    row = select(Member.id).where(Member.district_id == district_id, Member.id == member_id)
    session.execute(row.with_for_update(key_share=True))


def _last_hash(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> bytes:
    """The hash that nobody follows yet: ids of two machines may not stand in the order of the chain."""
    later = aliased(Consent)
    follows = exists().where(
        later.district_id == district_id,
        later.member_id == member_id,
        later.previous_hash == Consent.hash,
    )
    found = select(Consent.hash).where(
        Consent.district_id == district_id,
        Consent.member_id == member_id,
        Consent.hash.is_not(None),
        ~follows,
    )
    return session.scalar(found.order_by(Consent.id.desc()).limit(1)) or GENESIS


def hash_of(row: Consent) -> bytes:
    """SHA-256 over the previous hash and the record as a JSON array, without what expires."""
    shown = [
        str(row.district_id),
        str(row.id),
        str(row.member_id),
        row.purpose,
        row.channel,
        row.granted,
        row.text_hash.hex() if row.text_hash else "",
        row.action,
        row.source,
        row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        row.language,
        row.terms_version,
        row.controller,
        row.proof,
    ]
    if row.form >= WHOLE_FORM:
        shown += [row.form, row.access_point_mac, row.portal_version, row.sec_gpc, row.recipients_version]
    text = json.dumps(shown, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256((row.previous_hash or GENESIS) + text.encode("ascii")).digest()


@dataclass(frozen=True, kw_only=True)
class ChainCheck:
    """What a walk along a member's records found."""

    records: int
    before_the_chain: int
    """Records of the time before there was a chain: they carry no hash."""
    faulty: tuple[uuid.UUID, ...]
    """Records that were changed, or that follow none."""


def records_of(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> list[Consent]:
    """All of a member's records, the oldest first."""
    rows = select(Consent).where(Consent.district_id == district_id, Consent.member_id == member_id)
    return list(session.scalars(rows.order_by(Consent.id)))


def check(rows: Sequence[Consent]) -> ChainCheck:
    """Walk a member's records. One that was changed is named; of a deleted one, whatever followed it."""
    chained = [row for row in rows if row.hash is not None]
    following = {row.previous_hash: row for row in chained}
    reached: set[uuid.UUID] = set()
    last = GENESIS
    while (row := following.get(last)) is not None and row.id not in reached and row.hash == hash_of(row):
        reached.add(row.id)
        last = row.hash
    faulty = tuple(row.id for row in chained if row.id not in reached)
    return ChainCheck(records=len(rows), before_the_chain=len(rows) - len(chained), faulty=faulty)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One record with the words that were shown."""

    record: Consent
    text: str | None
    """None: nothing was shown, as when an account is closed."""
    terms: terms.Terms | None


def proofs(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, purpose: Purpose
) -> tuple[list[Proof], ChainCheck]:
    """What a member said to a purpose, the newest first, and whether his records are as they were written."""
    rows = records_of(session, district_id, member_id)
    said = [row for row in reversed(rows) if row.purpose == purpose]
    hashes = {row.text_hash for row in said if row.text_hash is not None}
    texts = select(ConsentText.text_hash, ConsentText.text).where(
        ConsentText.district_id == district_id, ConsentText.text_hash.in_(hashes)
    )
    words = {bytes(key): text for key, text in session.execute(texts)}
    found = [
        Proof(
            record=row,
            text=words.get(row.text_hash) if row.text_hash else None,
            terms=terms.find(row.terms_version),
        )
        for row in said
    ]
    return found, check(rows)
