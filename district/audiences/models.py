"""Tags, uploaded lists, segments, follows and the members' timeline.

A set without a merchant and a property is the operator's.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id

_MERCHANT = ("district_id", "merchant_id"), ("merchant.district_id", "merchant.id")
_PROPERTY = ("district_id", "property_id"), ("property.district_id", "property.id")
_ONE_OWNER = "merchant_id IS NULL OR property_id IS NULL"
_MEMBER = ("district_id", "member_id"), ("member.district_id", "member.id")


class SegmentKind(StrEnum):
    """A live segment is asked anew each time; a static one holds whom it found when it was frozen."""

    LIVE = "live"
    STATIC = "static"


class Tag(Base):
    """A word that its owner gives to members."""

    __tablename__ = "tag"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[uuid.UUID | None]
    property_id: Mapped[uuid.UUID | None]
    name: Mapped[str] = mapped_column(Text)
    """As rules write it."""
    title: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(*_MERCHANT, ondelete="CASCADE"),
        ForeignKeyConstraint(*_PROPERTY, ondelete="CASCADE"),
        CheckConstraint(_ONE_OWNER, name="one_owner"),
        Index(
            "uq_tag_name",
            "district_id",
            "merchant_id",
            "property_id",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )


class MemberTag(Base):
    """A member has a tag."""

    __tablename__ = "member_tag"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tag_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "tag_id"], ["tag.district_id", "tag.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(*_MEMBER, ondelete="CASCADE"),
        Index(None, "district_id", "member_id"),
    )


class ContactList(Base):
    """People whom its owner knows by telephone number or e-mail address."""

    __tablename__ = "contact_list"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[uuid.UUID | None]
    property_id: Mapped[uuid.UUID | None]
    name: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    entries: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    uploaded_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(*_MERCHANT, ondelete="CASCADE"),
        ForeignKeyConstraint(*_PROPERTY, ondelete="CASCADE"),
        CheckConstraint(_ONE_OWNER, name="one_owner"),
        Index(
            "uq_contact_list_name",
            "district_id",
            "merchant_id",
            "property_id",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )


class ContactListEntry(Base):
    """One number or address, of which only HMAC(list key of the district, its one form) is kept."""

    __tablename__ = "contact_list_entry"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    list_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    contact_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "list_id"], ["contact_list.district_id", "contact_list.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "contact_hash"),
    )


class Segment(Base):
    """An audience with a name. ``version`` grows with each change of its rule."""

    __tablename__ = "segment"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[uuid.UUID | None]
    property_id: Mapped[uuid.UUID | None]
    name: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")
    rule: Mapped[Any] = mapped_column(JSONB)
    """What a campaign's ``who`` may be."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    frozen_at: Mapped[datetime | None]
    """Of a static one: when its members were looked for; None: not yet, and whoever is in it is unknown."""

    __table_args__ = (
        ForeignKeyConstraint(*_MERCHANT, ondelete="CASCADE"),
        ForeignKeyConstraint(*_PROPERTY, ondelete="CASCADE"),
        CheckConstraint(_ONE_OWNER, name="one_owner"),
        CheckConstraint("kind IN ('live', 'static')", name="kind_known"),
        Index(
            "uq_segment_name",
            "district_id",
            "merchant_id",
            "property_id",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )


class SegmentVersion(Base):
    """What a segment said in one version."""

    __tablename__ = "segment_version"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    segment_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[Any] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    made_by: Mapped[uuid.UUID]
    """The account or key that made it."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "segment_id"], ["segment.district_id", "segment.id"], ondelete="CASCADE"
        ),
    )


class SegmentMember(Base):
    """A member whom a static segment found."""

    __tablename__ = "segment_member"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    segment_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "segment_id"], ["segment.district_id", "segment.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(*_MEMBER, ondelete="CASCADE"),
        Index(None, "district_id", "member_id"),
    )


class Follow(Base):
    """A member follows a store."""

    __tablename__ = "follow"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(*_MEMBER, ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["district_id", "store_id"], ["store.district_id", "store.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "store_id"),
    )


class MemberEvent(Base):
    """Something that a member did, kept only of who agreed to it and only for a while."""

    __tablename__ = "member_event"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID]
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    store_id: Mapped[uuid.UUID | None]
    subject_id: Mapped[uuid.UUID | None]
    """The offer or purchase; a plain id."""
    words: Mapped[str] = mapped_column(Text, server_default="")
    """What was searched for."""
    found: Mapped[int | None]
    """How many stores a search found."""

    __table_args__ = (
        ForeignKeyConstraint(*_MEMBER, ondelete="CASCADE"),
        Index(None, "district_id", "member_id", "at"),
        Index(None, "district_id", "kind", "store_id", "at"),
        Index(
            "ix_member_event_not_found",
            "district_id",
            "at",
            postgresql_where=text("kind = 'search' AND found = 0"),
        ),
        Index(None, "district_id", "at"),
    )
