"""Redemptions, their reversals and bills; which till a coupon is held for, and the numbers that tills show."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id
from district.offers import code_models  # noqa: F401 who knows these tables knows the keys that sign codes


class Redemption(Base):
    """An offer used at a till. The stored answer is given again for the same request number."""

    __tablename__ = "redemption"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    offer_id: Mapped[uuid.UUID]
    store_id: Mapped[uuid.UUID]
    till: Mapped[str] = mapped_column(Text)
    """The key or till that asked; request numbers are unique within it."""
    use_request_no: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    value: Mapped[dict[str, Any]] = mapped_column(JSONB)
    redeemed_at: Mapped[datetime]
    till_at: Mapped[datetime | None]
    """What the till's own clock said; not trusted."""
    reversed_at: Mapped[datetime | None]
    bill_minor: Mapped[int | None] = mapped_column(BigInteger)
    """The bill before the discount, when the till said it."""
    discount_minor: Mapped[int | None] = mapped_column(BigInteger)
    """What was booked for it; None: before there was a ledger."""
    bill_id: Mapped[uuid.UUID | None]
    """The bill of several coupons that it is a part of; a plain id."""

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "offer_id"], ["offer.district_id", "offer.id"]),
        ForeignKeyConstraint(["district_id", "store_id"], ["store.district_id", "store.id"]),
        Index("uq_redemption_request", "district_id", "till", "use_request_no", unique=True),
        Index(
            "uq_redemption_offer",
            "district_id",
            "offer_id",
            unique=True,
            postgresql_where=text("reversed_at IS NULL"),
        ),
        Index(None, "district_id", "store_id", "redeemed_at"),
    )


class Reversal(Base):
    """A redemption taken back; a row of its own."""

    __tablename__ = "reversal"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    redemption_id: Mapped[uuid.UUID]
    return_request_no: Mapped[str] = mapped_column(Text)
    till: Mapped[str] = mapped_column(Text)
    reversed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "redemption_id"], ["redemption.district_id", "redemption.id"]),
        Index("uq_reversal_request", "district_id", "till", "return_request_no", unique=True),
        Index("uq_reversal_redemption", "district_id", "redemption_id", unique=True),
    )


class OfferHold(Base):
    """A coupon held for one till, whose member unlocked it there or whose code was scanned there. Machine times."""

    __tablename__ = "offer_hold"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    offer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    till: Mapped[str] = mapped_column(Text)
    store_id: Mapped[uuid.UUID]
    typed_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the short code that the member reads out; None when a signed code was scanned."""
    held_at: Mapped[datetime]
    held_until: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "offer_id"], ["offer.district_id", "offer.id"], ondelete="CASCADE"
        ),
        Index("uq_offer_hold_typed", "district_id", "typed_hash", unique=True),
        Index(None, "district_id", "held_until"),
    )


class TillNumber(Base):
    """The short number that a till shows, so that a member can say at which one he stands. Machine times."""

    __tablename__ = "till_number"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text, primary_key=True)
    till: Mapped[str] = mapped_column(Text)
    store_id: Mapped[uuid.UUID]
    shown_until: Mapped[datetime]
    valid_until: Mapped[datetime]

    __table_args__ = (
        Index(None, "district_id", "till", "valid_until"),
        Index(None, "district_id", "valid_until"),
    )


class TillBill(Base):
    """A bill that was settled with coupons and points together, and its stored answer."""

    __tablename__ = "till_bill"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    till: Mapped[str] = mapped_column(Text)
    use_request_no: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    store_id: Mapped[uuid.UUID]
    bill_minor: Mapped[int] = mapped_column(BigInteger)
    due_minor: Mapped[int] = mapped_column(BigInteger)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "store_id"], ["store.district_id", "store.id"]),
        Index("uq_till_bill_request", "district_id", "till", "use_request_no", unique=True),
    )
