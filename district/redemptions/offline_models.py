"""Tills that go on without a line: what each may take, the journals that they bring in, and what became of each entry."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Outcome(StrEnum):
    """What became of an entry of a till's journal."""

    REDEEMED = "redeemed"
    CONFLICT = "conflict"
    """Somebody had used or withdrawn the coupon before: the guest had his discount, somebody bears it."""
    REFUSED = "refused"
    """No coupon of this shop that held then: nothing is booked."""


class Bearer(StrEnum):
    """Who bears a discount that was given twice."""

    MERCHANT = "merchant"
    PLATFORM = "platform"


class OfflinePolicy(Base):
    """What an operator lets tills do without a line; a district without a row has the defaults."""

    __tablename__ = "offline_policy"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    most_value_minor: Mapped[int] = mapped_column(BigInteger)
    """Offers that can cost more are for tills with a line only."""
    most_uses: Mapped[int] = mapped_column(Integer)
    most_minor: Mapped[int] = mapped_column(BigInteger)
    list_age_s: Mapped[int] = mapped_column(Integer)
    conflicts_borne_by: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("most_value_minor >= 0 AND most_minor >= 0", name="amounts_from_zero"),
        CheckConstraint("most_uses >= 0 AND list_age_s > 0", name="bounds_from_zero"),
        CheckConstraint("conflicts_borne_by IN ('merchant', 'platform')", name="known_bearer"),
    )


class OfflineTill(Base):
    """A till that has asked for its kit: its row is locked while quota is given out. Its own limits are below the policy's."""

    __tablename__ = "offline_till"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    till: Mapped[str] = mapped_column(Text, primary_key=True)
    store_id: Mapped[uuid.UUID]
    most_uses: Mapped[int | None] = mapped_column(Integer)
    most_minor: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (ForeignKeyConstraint(["district_id", "store_id"], ["store.district_id", "store.id"]),)


class OfflineJournal(Base):
    """One device at a till and what it was given. All times are machine times."""

    __tablename__ = "offline_journal"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    till: Mapped[str] = mapped_column(Text)
    store_id: Mapped[uuid.UUID]
    key: Mapped[bytes] = mapped_column(LargeBinary)
    """With it the device chains its entries, so that none can be changed or left out on the way."""
    opened_at: Mapped[datetime]
    synced_at: Mapped[datetime]
    skew_ms: Mapped[int] = mapped_column(BigInteger)
    """How far the till's clock was ahead when it was last given its kit."""
    list_until: Mapped[datetime]
    """So long it may take coupons; then its list of what is used is too old."""
    uses_granted: Mapped[int] = mapped_column(Integer)
    minor_granted: Mapped[int] = mapped_column(BigInteger)
    uses_since: Mapped[int] = mapped_column(Integer, server_default="0")
    minor_since: Mapped[int] = mapped_column(BigInteger, server_default="0")
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "store_id"], ["store.district_id", "store.id"]),
        Index(
            "ix_offline_journal_open",
            "district_id",
            "till",
            "list_until",
            postgresql_where=text("closed_at IS NULL"),
        ),
    )


class OfflineEntry(Base):
    """A coupon taken without a line, as it was settled: one row for ever, whatever became of it."""

    __tablename__ = "offline_entry"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    journal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[uuid.UUID] = mapped_column(default=new_id)
    """What a charge for a conflict is booked under."""
    mark: Mapped[bytes] = mapped_column(LargeBinary)
    """The authentication code of the entry and of all before it."""
    till: Mapped[str] = mapped_column(Text)
    store_id: Mapped[uuid.UUID]
    offer_id: Mapped[uuid.UUID | None]
    """The coupon that its code named; a plain id."""
    outcome: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, server_default="")
    redemption_id: Mapped[uuid.UUID | None]
    bill_minor: Mapped[int | None] = mapped_column(BigInteger)
    discount_minor: Mapped[int | None] = mapped_column(BigInteger)
    charged_to: Mapped[str] = mapped_column(Text, server_default="")
    """Who bears it against the campaign's own shares: of conflicts, and of what was over the till's quota."""
    is_over_quota: Mapped[bool] = mapped_column(server_default=text("false"))
    till_at: Mapped[datetime]
    """What the till's clock said."""
    believed_at: Mapped[datetime | None]
    """The same by the server's machine time; None when the till's clock was not believed."""
    at: Mapped[datetime]
    """Business time at which it was settled: who is settled first is first."""
    first_at: Mapped[datetime | None]
    first_till: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "journal_id"], ["offline_journal.district_id", "offline_journal.id"]
        ),
        Index("uq_offline_entry_id", "district_id", "id", unique=True),
        Index(None, "district_id", "at"),
        Index(None, "district_id", "store_id", "at"),
    )
