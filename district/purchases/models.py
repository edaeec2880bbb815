"""Sources of purchase notices, the notices that came, and the purchases of members who linked themselves."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class PurchaseSource(Base):
    """A payment provider that sends signed notices, with the keys by which they are believed and read."""

    __tablename__ = "purchase_source"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    public_keys: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """PEM by serial number: two may live while one is replaced."""
    api_key: Mapped[bytes] = mapped_column(LargeBinary)
    """32 bytes, of AES-256-GCM."""
    app_id: Mapped[str] = mapped_column(Text, server_default="")
    provider_id: Mapped[uuid.UUID | None]
    """The log-in provider whose subjects are this source's payers."""
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]

    __table_args__ = (Index("uq_purchase_source_slug", "district_id", "slug", unique=True),)


class PurchaseLink(Base):
    """A member's own word that a payer is he: only its purchases are kept."""

    __tablename__ = "purchase_link"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    payer_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    member_id: Mapped[uuid.UUID]
    linked_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "source_id"],
            ["purchase_source.district_id", "purchase_source.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
    )


class PurchaseNotice(Base):
    """A notice that came, by hashes of its number and of what it said, so that it counts once."""

    __tablename__ = "purchase_notice"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    notice_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    received_at: Mapped[datetime]
    """Machine time."""

    __table_args__ = (Index(None, "district_id", "received_at"),)


class Purchase(Base):
    """What one member bought at one store."""

    __tablename__ = "purchase"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    """The payment's number at the source."""
    member_id: Mapped[uuid.UUID]
    store_id: Mapped[uuid.UUID]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, server_default="0")
    at: Mapped[datetime]
    received_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["district_id", "store_id"], ["store.district_id", "store.id"]),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_within_amount"),
        Index("uq_purchase_reference", "district_id", "source", "reference", unique=True),
        Index(None, "district_id", "member_id", "at"),
        Index(None, "district_id", "store_id", "at"),
    )


class PurchaseRefund(Base):
    """A part of a purchase, or all of it, given back."""

    __tablename__ = "purchase_refund"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    purchase_id: Mapped[uuid.UUID]
    reference: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "purchase_id"], ["purchase.district_id", "purchase.id"], ondelete="CASCADE"
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("uq_purchase_refund_reference", "district_id", "purchase_id", "reference", unique=True),
    )


class PurchaseCount(Base):
    """How many notices of a day and source were of nobody who linked himself; nothing else of them is kept."""

    __tablename__ = "purchase_count"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    unlinked: Mapped[int] = mapped_column(server_default="0")
