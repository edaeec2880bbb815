"""The queue of messages that leave the system."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class OutboxMessage(Base):
    """One message to one address on one channel. Its id is the provider's dedupe key."""

    __tablename__ = "outbox_message"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    """marketing (at most once) or service, code (at least once)."""
    member_id: Mapped[uuid.UUID | None]
    offer_id: Mapped[uuid.UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    """queued, leased, sending, accepted, failed, expired, suppressed, unknown, dead."""
    reason: Mapped[str] = mapped_column(Text, server_default="")
    due_at: Mapped[datetime]
    """Business time before which it must not leave."""
    send_before: Mapped[datetime | None]
    """Business time after which it is expired."""
    retry_at: Mapped[datetime]
    """Machine time of the next attempt."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    fence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Grows with each lease: a worker whose lease was taken over can record nothing."""
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    """None as long as it is queued, leased or being sent; the queue looks at such rows alone."""
    lost_leases: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How often in a row a worker went away with it."""
    fallbacks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Channels to try, one after the other, when this one cannot carry it."""
    provider_id: Mapped[uuid.UUID | None]
    """Which of the channel's providers was asked last."""
    provider_message_id: Mapped[str] = mapped_column(Text, server_default="")
    """What it calls the message; receipts name it."""
    delivered_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    """Both as receipts told; machine time."""

    # No index names or asks for what a lease changes, and pages keep room: so a row is leased and marked without its
    # indexes being written (docs/developer/queue.md).
    __table_args__ = (
        CheckConstraint(
            "finished_at IS NULL OR NOT (state IN ('queued', 'leased', 'sending'))", name="active_unfinished"
        ),
        Index(
            "ix_outbox_message_suspect",
            "district_id",
            "retry_at",
            postgresql_where=text("finished_at IS NULL AND lost_leases >= 3"),
        ),
        Index(
            "ix_outbox_message_provider_message",
            "district_id",
            "provider_id",
            "provider_message_id",
            postgresql_where=text("provider_message_id <> ''"),
        ),
        Index(
            "ix_outbox_message_due",
            "district_id",
            "channel",
            "retry_at",
            "due_at",
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "ix_outbox_message_offer",
            "district_id",
            "offer_id",
            postgresql_where=text("offer_id IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )
