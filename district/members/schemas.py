"""Members as programs see them."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from district.members.ledger import ChainCheck, Proof
from push.consent import Channel, Purpose


class CodeRequest(BaseModel):
    """Where a one-time code is wanted: a phone or an e-mail address."""

    model_config = ConfigDict(extra="forbid")

    phone: str | None = Field(default=None, max_length=40)
    email: str | None = Field(default=None, max_length=254)
    district: str | None = Field(default=None, max_length=40)


class TokenRequest(BaseModel):
    """Staff log in with user name and password, shoppers with the code that was sent."""

    model_config = ConfigDict(extra="forbid")

    username: str | None = Field(default=None, max_length=200)
    password: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=40)
    email: str | None = Field(default=None, max_length=254)
    code: str | None = Field(default=None, max_length=20)
    district: str | None = Field(default=None, max_length=40)


class TokenAnswer(BaseModel):
    """A bearer token; ``expires_at`` is machine time."""

    token: str
    role: str
    expires_at: datetime
    district: str


class MemberAnswer(BaseModel):
    """The caller's membership."""

    id: uuid.UUID
    district: str
    phone: str | None
    email: str | None
    language: str
    zone: str | None
    quiet_from: int | None
    quiet_until: int | None
    joined_at: datetime
    is_personalised: bool = True
    """False: offers are chosen without looking at earlier visits."""
    birth_month: int | None = None
    birth_day: int | None = None
    called: str | None = None


class Preferences(BaseModel):
    """What a member may choose; minutes are counted from midnight in the member's zone."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = Field(default=None, pattern="^(zh|en)$")
    zone: str | None = Field(default=None, max_length=64)
    quiet_from: int | None = Field(default=None, ge=0, lt=1440)
    quiet_until: int | None = Field(default=None, ge=0, lt=1440)
    is_personalised: bool | None = None
    birth_month: int | None = Field(
        default=None, ge=1, le=12, description="Of the birthday on which offers may greet; null: none"
    )
    birth_day: int | None = Field(default=None, ge=1, le=31)
    called: str | None = Field(
        default=None,
        max_length=200,
        description="How messages address the member, at most 40 letters once cleaned; null or blank: not by name",
    )


class ConsentState(BaseModel):
    """One purpose, by channel where it has channels, as it stands."""

    purpose: Purpose
    channel: Channel | None = None
    granted: bool
    at: datetime | None = None
    text: str = ""
    text_hash: str = ""


class ConsentChoice(BaseModel):
    """A decision; with the ``text_hash`` that was read, a grant counts only while those words stand."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    channel: Channel | None = None
    granted: bool
    text_hash: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class ConsentChoices(BaseModel):
    """Several decisions at once."""

    model_config = ConfigDict(extra="forbid")

    consents: list[ConsentChoice] = Field(max_length=30)


class ConsentRecordView(BaseModel):
    """One decision as it was recorded."""

    id: uuid.UUID
    channel: Channel | None
    granted: bool
    at: datetime
    text: str | None
    """The exact words that were shown; null when none were."""
    text_sha256: str | None
    language: str
    terms_version: str
    terms_sha256: str | None
    action: str
    source: str
    controller: str
    proof: str
    address: str
    agent: str
    """Address and agent are kept for 180 days."""
    access_point_mac: str
    portal_version: str
    sec_gpc: bool
    """The browser said that nothing of its user may be shared."""
    recipients_version: int
    """Of the district's list of recipients that stood then."""
    previous_hash: str | None
    hash: str | None
    """Null: from before there was a chain."""


class ConsentProof(BaseModel):
    """All that was said to one purpose, the newest first, and whether the member's records are as they were written."""

    purpose: Purpose
    records: list[ConsentRecordView]
    is_chain_whole: bool
    records_before_the_chain: int


def proof_answer(purpose: Purpose, found: Sequence[Proof], check: ChainCheck) -> ConsentProof:
    """A proof as programs see it."""
    return ConsentProof(
        purpose=purpose,
        records=[_record_view(one) for one in found],
        is_chain_whole=not check.faulty,
        records_before_the_chain=check.before_the_chain,
    )


def _record_view(one: Proof) -> ConsentRecordView:
    row = one.record
    return ConsentRecordView(
        id=row.id,
        channel=Channel(row.channel) if row.channel else None,
        granted=row.granted,
        at=row.at,
        text=one.text,
        text_sha256=row.text_hash.hex() if row.text_hash else None,
        language=row.language,
        terms_version=row.terms_version,
        terms_sha256=one.terms.hash(row.language).hex() if one.terms else None,
        action=row.action,
        source=row.source,
        controller=row.controller,
        proof=row.proof,
        address=row.address,
        agent=row.agent,
        access_point_mac=row.access_point_mac,
        portal_version=row.portal_version,
        sec_gpc=row.sec_gpc,
        recipients_version=row.recipients_version,
        previous_hash=row.previous_hash.hex() if row.previous_hash else None,
        hash=row.hash.hex() if row.hash else None,
    )
