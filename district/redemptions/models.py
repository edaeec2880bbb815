"""Redemptions and their reversals."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


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
