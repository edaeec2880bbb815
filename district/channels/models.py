"""Providers of a district, the order of its channels, and members' addresses on them."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class ChannelProvider(Base):
    """Who carries messages of one channel; a channel may have several, each with its share."""

    __tablename__ = "channel_provider"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    """Names it in addresses that it posts to."""
    channel: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    """Which protocol: smtp, smpp, sms_http, web_push …"""
    name: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What may be shown: addresses, user names, limits of the protocol."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """What may not: a JSON object of credentials, sealed about ``provider:`` and its id."""
    is_on: Mapped[bool] = mapped_column(server_default=text("true"))
    weight: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    in_flight: Mapped[int] = mapped_column(SmallInteger, server_default="16")
    per_s: Mapped[float | None] = mapped_column(Float)
    """Messages a second that it allows, for each worker."""
    cost_micro: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What one message, or one part of a long one, costs: millionths of the district's currency unit."""
    success: Mapped[float | None] = mapped_column(Float)
    """The share of the last month's attempts that it took; None: none yet."""
    paused_until: Mapped[datetime | None]
    """Machine time before which it is left alone."""
    pause_reason: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("weight BETWEEN 1 AND 1000", name="weight_range"),
        CheckConstraint("in_flight BETWEEN 1 AND 500", name="in_flight_range"),
        CheckConstraint("per_s > 0", name="rate_positive"),
        Index("uq_channel_provider_slug", "district_id", "slug", unique=True),
        Index(None, "district_id", "channel"),
    )


class ChannelPolicy(Base):
    """In which order a district's channels are tried. Without a row the product's own order holds."""

    __tablename__ = "channel_policy"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    channel_order: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Those that are used, the first one first; the inbox has no place, as it rings nobody."""
    changed_at: Mapped[datetime]


class EndpointState(StrEnum):
    """Whether an address still works. A suspect one is tried last; one that is gone, never."""

    ACTIVE = "active"
    SUSPECT = "suspect"
    GONE = "gone"


class MemberEndpoint(Base):
    """An address of a member on a channel.

    The telephone number and e-mail address that he proved are the member's own: they have a row here only when messages
    come back from them.
    """

    __tablename__ = "member_endpoint"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID]
    channel: Mapped[str] = mapped_column(Text)
    provider_id: Mapped[uuid.UUID | None]
    """The one through which it works, where it works through one only."""
    address: Mapped[str] = mapped_column(Text)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the address: one address belongs to one member."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Keys that go with it, sealed about ``endpoint:`` and its id."""
    state: Mapped[str] = mapped_column(Text, server_default="active")
    agent: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When the member's browser or app last named it."""
    last_ok_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """In a row; of a number or e-mail address, days on which messages came back."""
    reason: Mapped[str] = mapped_column(Text, server_default="")
    """What was said of it when it failed last: a status, such as 5.1.1."""
    failed_at: Mapped[datetime | None]
    """Machine time of that, where somebody told it afterwards."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index("uq_member_endpoint_address", "district_id", "channel", "address_hash", unique=True),
        Index(
            "ix_member_endpoint_failing",
            "district_id",
            "id",
            postgresql_where=text("channel IN ('sms', 'email')"),
        ),
        Index(None, "district_id", "member_id"),
    )


_HAS_NUMBER = text("number <> ''")


class TextTemplate(Base):
    """A text as a gateway has it on file, for one of the district's providers."""

    __tablename__ = "text_template"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[uuid.UUID]
    number: Mapped[str] = mapped_column(Text)
    """The gateway's name for it; empty until it is known."""
    signature: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    """With gaps such as {store}."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("purpose IN ('marketing', 'service', 'code')", name="purpose_known"),
        Index(
            "uq_text_template_number",
            "district_id",
            "provider_id",
            "number",
            unique=True,
            postgresql_where=_HAS_NUMBER,
        ),
        Index(None, "district_id", "provider_id"),
    )


class TextFiling(Base):
    """How the filing of a text stands with one carrier; without a row it is not filed."""

    __tablename__ = "text_filing"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    template_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    carrier: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, server_default="")
    """What the carrier said, such as why it refused."""
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "template_id"],
            ["text_template.district_id", "text_template.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("state IN ('unfiled', 'filed', 'refused')", name="state_known"),
    )
