"""Members, the pseudonyms of their devices, and what they agreed to."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class MemberState(StrEnum):
    """Where a membership stands."""

    ACTIVE = "active"
    ERASED = "erased"
    MERGED = "merged"
    """Part of another membership, which ``merged_into`` names."""


class Member(Base):
    """A person in one district."""

    __tablename__ = "member"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    phone: Mapped[str | None] = mapped_column(Text)
    """E.164."""
    email: Mapped[str | None] = mapped_column(Text)
    """Lower case."""
    language: Mapped[str] = mapped_column(Text, server_default="en")
    zone: Mapped[str | None] = mapped_column(Text)
    quiet_from: Mapped[int | None] = mapped_column(SmallInteger)
    """Minute of the day at which the member's own quiet hours start."""
    quiet_until: Mapped[int | None] = mapped_column(SmallInteger)
    bucket: Mapped[int] = mapped_column(SmallInteger)
    """Stable random place 0-9999 for control groups."""
    state: Mapped[str] = mapped_column(Text, server_default="active")
    joined_at: Mapped[datetime]
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))
    is_of_age: Mapped[bool | None]
    """What the member said where a district asks; None: never asked."""
    is_personalised: Mapped[bool] = mapped_column(server_default=text("true"))
    """False: offers are chosen without looking at where the member walks or what he bought."""
    verified_at: Mapped[datetime | None]
    """When a code or a provider last proved the contact: numbers are given to other people."""
    birth_month: Mapped[int | None] = mapped_column(SmallInteger)
    """The birthday, without its year, if the member wants to be greeted on it."""
    birth_day: Mapped[int | None] = mapped_column(SmallInteger)
    called: Mapped[str | None] = mapped_column(Text)
    """How the member wants to be addressed, in his own words; at most 40 letters."""
    merged_into: Mapped[uuid.UUID | None]
    """The membership that this one became part of; a plain id."""

    __table_args__ = (
        CheckConstraint("bucket BETWEEN 0 AND 9999", name="bucket_range"),
        CheckConstraint(
            "(birth_month IS NULL) = (birth_day IS NULL) AND birth_month BETWEEN 1 AND 12"
            " AND birth_day BETWEEN 1 AND 31",
            name="birthday_range",
        ),
        CheckConstraint("char_length(called) BETWEEN 1 AND 40", name="called_length"),
        Index(
            "ix_member_birthday",
            "district_id",
            "birth_month",
            "birth_day",
            postgresql_where=text("birth_month IS NOT NULL"),
        ),
        Index(
            "uq_member_district_id_phone",
            "district_id",
            "phone",
            unique=True,
            postgresql_where=text("phone IS NOT NULL"),
        ),
        Index(
            "uq_member_district_id_email",
            "district_id",
            "email",
            unique=True,
            postgresql_where=text("email IS NOT NULL"),
        ),
        Index(None, "district_id", "joined_at"),
    )


class DeviceAlias(Base):
    """A device of a member: HMAC(district alias key, MAC). A MAC rotates, a member stays."""

    __tablename__ = "device_alias"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alias: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    member_id: Mapped[uuid.UUID]
    randomised: Mapped[bool]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
    )


class ConsentText(Base):
    """The exact words that were shown, by their SHA-256."""

    __tablename__ = "consent_text"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    text_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    first_shown_at: Mapped[datetime]


class Consent(Base):
    """One decision of a member; rows are only ever added, the newest of a purpose and channel holds."""

    __tablename__ = "consent"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID]
    purpose: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text, server_default="")
    """Empty: the purpose has no channel."""
    granted: Mapped[bool]
    text_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    action: Mapped[str] = mapped_column(Text)
    """How it was said: box, button, keyword, api."""
    source: Mapped[str] = mapped_column(Text, server_default="")
    """Where it was said: the gateway or page."""
    at: Mapped[datetime]
    language: Mapped[str] = mapped_column(Text, server_default="")
    terms_version: Mapped[str] = mapped_column(Text, server_default="")
    """Of the terms that stood when it was said."""
    controller: Mapped[str] = mapped_column(Text, server_default="")
    """Who asked, by name."""
    address: Mapped[str] = mapped_column(Text, server_default="")
    """Network address and agent below expire after 180 days."""
    agent: Mapped[str] = mapped_column(Text, server_default="")
    proof: Mapped[str] = mapped_column(Text, server_default="")
    """What stands behind it: the verified code, provider or session."""
    access_point_mac: Mapped[str] = mapped_column(Text, server_default="")
    """The access point that the person stood at, where he signed in."""
    portal_version: Mapped[str] = mapped_column(Text, server_default="")
    """Of the program that showed the words."""
    sec_gpc: Mapped[bool] = mapped_column(server_default=text("false"))
    """The browser said that nothing of its user may be sold or shared (Global Privacy Control)."""
    recipients_version: Mapped[int] = mapped_column(server_default="0")
    """Of the district's list of recipients that stood then; 0: the list that comes with the product."""
    form: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """Of the record: which of its values the hash covers."""
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 over the member's previous record and this one, without what expires; None: before there was a chain."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(
            "ix_consent_traced", "district_id", "at", postgresql_where=text("address <> '' OR agent <> ''")
        ),
        Index(None, "district_id", "member_id", "purpose", "channel", "id"),
    )


class RecipientList(Base):
    """To whom data of a district's members go, as its operators wrote it; versions are only ever added."""

    __tablename__ = "recipient_list"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recipients: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the list as JSON."""
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text, server_default="")


class Erasure(Base):
    """A membership that was closed, under a keyed hash, so that neither late events nor a restored backup bring it back."""

    __tablename__ = "erasure"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """HMAC of the member's id under the district's alias key."""
    at: Mapped[datetime]
    kept_at: Mapped[datetime | None]
    """When the event log had it, too; machine time."""

    __table_args__ = (
        Index("ix_erasure_waiting", "district_id", "at", postgresql_where=text("kept_at IS NULL")),
    )


class MemberMerge(Base):
    """Two memberships that turned out to be one person; can be undone."""

    __tablename__ = "member_merge"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    kept_id: Mapped[uuid.UUID]
    merged_id: Mapped[uuid.UUID]
    reason: Mapped[str] = mapped_column(Text)
    moved: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What was moved, so that it can go back."""
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "kept_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "merged_id"],
            ["member.district_id", "member.id"],
            ondelete="CASCADE",
            name="fk_member_merge_merged",
        ),
        Index(None, "district_id", "kept_id"),
    )


class Alarm(Base):
    """Something that an operator should look at: a device at two places at once, a gateway that refuses."""

    __tablename__ = "alarm"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    """What it is about, so that one trouble is one open alarm."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(server_default="1")
    seen_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_alarm_open",
            "district_id",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("seen_at IS NULL"),
        ),
        Index(None, "district_id", "at"),
    )


class DaySalt(Base):
    """The secret under which one trading day's devices are pseudonyms; deleted two hours after the day."""

    __tablename__ = "day_salt"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date] = mapped_column(primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    dies_at: Mapped[datetime]


class OptOut(Base):
    """A device that asked not to be counted: dropped at the edge."""

    __tablename__ = "opt_out"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alias: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    at: Mapped[datetime]
