"""Postings and their transfers. Rows are added, never changed: triggers of the migration refuse the rest."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Account(StrEnum):
    """What an amount stands in; with the id of its owner it is one account."""

    MERCHANT_PAYABLE = "merchant_payable"
    """What a merchant is owed for what he gave at his tills."""
    MERCHANT_SHARE = "merchant_share"
    """What a merchant bears of discounts, his own campaigns' above all."""
    PROPERTY_SHARE = "property_share"
    PLATFORM_SUBSIDY = "platform_subsidy"
    SPONSOR_SHARE = "sponsor_share"
    POINTS_LIABILITY = "points_liability"
    """What members' points would pay."""
    CLEARING = "clearing"
    """Where closed statements meet: what is paid out and collected outside."""


class PostingKind(StrEnum):
    """What has happened."""

    REDEMPTION = "redemption"
    REVERSAL = "reversal"
    POINTS_EARNED = "points_earned"
    POINTS_TAKEN_BACK = "points_taken_back"
    POINTS_SPENT = "points_spent"
    POINTS_RETURNED = "points_returned"
    POINTS_EXPIRED = "points_expired"
    OFFLINE_CONFLICT = "offline_conflict"
    """A till without a line gave a discount for a coupon that was used before: somebody bears it a second time."""
    SETTLEMENT = "settlement"
    """A statement was closed: its accounts are cleared."""


class LedgerPosting(Base):
    """One thing that happened, booked once: ``kind`` and ``subject_id`` are its key."""

    __tablename__ = "ledger_posting"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[uuid.UUID]
    """The redemption, reversal, movement of points or statement."""
    reverses_id: Mapped[uuid.UUID | None]
    """The posting that this one takes back."""
    merchant_id: Mapped[uuid.UUID | None]
    """At whose till it was."""
    store_id: Mapped[uuid.UUID | None]
    campaign_id: Mapped[uuid.UUID | None]
    at: Mapped[datetime]
    """Business time at which it was booked."""

    __table_args__ = (
        Index("uq_ledger_posting_subject", "district_id", "kind", "subject_id", unique=True),
        Index(None, "district_id", "at"),
        Index(None, "district_id", "merchant_id", "at"),
    )


class LedgerTransfer(Base):
    """An amount that leaves one account and enters another: both entries of it in one row, so that they always agree."""

    __tablename__ = "ledger_transfer"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    posting_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(Text)
    source_id: Mapped[uuid.UUID]
    target: Mapped[str] = mapped_column(Text)
    target_id: Mapped[uuid.UUID]
    amount_minor: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "posting_id"], ["ledger_posting.district_id", "ledger_posting.id"]
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("(source, source_id) <> (target, target_id)", name="two_accounts"),
        Index(None, "district_id", "source", "source_id"),
        Index(None, "district_id", "target", "target_id"),
    )
