"""What arrived in members' inboxes, and what was tried and heard of what left by other channels."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class InboxItem(Base):
    """A message in a member's page. The id is the outbox message's, so that it arrives once."""

    __tablename__ = "inbox_item"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=False))
    """Grows with arrival; what ``Last-Event-ID`` carries."""
    member_id: Mapped[uuid.UUID]
    offer_id: Mapped[uuid.UUID | None]
    store_id: Mapped[uuid.UUID | None]
    title: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    why: Mapped[dict[str, Any]] = mapped_column(JSONB)
    kind: Mapped[str] = mapped_column(Text, server_default="offer")
    at: Mapped[datetime]
    committed_at: Mapped[datetime]
    """Machine time of arrival."""
    read_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id", "sequence"),
    )


class DeliveryAttempt(Base):
    """A call to a provider, and what it said: how a delivery's state came about.

    What a provider took is one attempt for all messages that were recorded together, which say themselves who took them
    and when; what failed, or took more than one channel, is an attempt of one delivery.
    """

    __tablename__ = "delivery_attempt"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[uuid.UUID | None]
    """The outbox message; a plain id, as messages are forgotten earlier. None: of several."""
    messages: Mapped[int] = mapped_column(Integer, server_default="1")
    """Of how many."""
    channel: Mapped[str] = mapped_column(Text)
    provider_id: Mapped[uuid.UUID | None]
    outcome: Mapped[str] = mapped_column(Text)
    """The state that it brought: accepted, failed, queued (to be tried again), unknown, dead, expired."""
    detail: Mapped[str] = mapped_column(Text, server_default="")
    at: Mapped[datetime]
    """Machine time of the record."""

    __table_args__ = (Index(None, "district_id", "delivery_id"), Index(None, "district_id", "at"))


class DeliveryReceipt(Base):
    """What a provider told afterwards. In any order, more than once, and of parts of one message."""

    __tablename__ = "delivery_receipt"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_key: Mapped[str] = mapped_column(Text, primary_key=True)
    """The same for a repeat of the same receipt."""
    provider_message_id: Mapped[str] = mapped_column(Text)
    delivery_id: Mapped[uuid.UUID | None]
    """None: of a message that is not known yet; receipts may come before the answer that names it."""
    kind: Mapped[str] = mapped_column(Text)
    """delivered, failed, shown, opened, clicked, complained, stopped."""
    part: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    detail: Mapped[str] = mapped_column(Text, server_default="")
    at: Mapped[datetime]
    """As the provider says; machine time of its arrival where it says nothing credible."""
    address_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The start of the SHA-256 of where the message went, where the provider's word holds for that alone."""
    received_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "district_id", "delivery_id"),
        Index(
            "ix_delivery_receipt_unknown",
            "district_id",
            "provider_id",
            "provider_message_id",
            postgresql_where=text("delivery_id IS NULL"),
        ),
        Index(None, "district_id", "received_at"),
    )
