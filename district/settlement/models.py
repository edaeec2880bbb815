"""Closed days, what belongs to them, and each party's statement. Closed is closed: triggers refuse a change."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Party(StrEnum):
    """Who settles."""

    MERCHANT = "merchant"
    PROPERTY = "property"
    PLATFORM = "platform"
    SPONSOR = "sponsor"


class StatementDay(Base):
    """A trading day that is closed: whoever inserts its row closes it."""

    __tablename__ = "statement_day"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]


class SettledPosting(Base):
    """In which closing a posting was counted; each is counted once."""

    __tablename__ = "settled_posting"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    posting_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date]
    is_correction: Mapped[bool]
    """It takes back what an earlier statement counted, or was booked before this day began."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "posting_id"], ["ledger_posting.district_id", "ledger_posting.id"]
        ),
        Index(None, "district_id", "trading_day"),
    )


class Statement(Base):
    """One party's closed day, in minor units. ``net_minor`` above zero is paid to the party."""

    __tablename__ = "statement"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    trading_day: Mapped[date]
    party: Mapped[str] = mapped_column(Text)
    party_id: Mapped[uuid.UUID]
    redemptions: Mapped[int]
    redeemed_minor: Mapped[int] = mapped_column(BigInteger)
    reversals: Mapped[int]
    reversed_minor: Mapped[int] = mapped_column(BigInteger)
    corrections: Mapped[int]
    corrected_minor: Mapped[int] = mapped_column(BigInteger)
    points_minor: Mapped[int] = mapped_column(BigInteger)
    borne_minor: Mapped[int] = mapped_column(BigInteger)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    closed_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_statement_party", "district_id", "trading_day", "party", "party_id", unique=True),
        Index(None, "district_id", "party", "party_id"),
    )


class Reconciliation(Base):
    """What came of comparing a till's file with a statement."""

    __tablename__ = "reconciliation"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    statement_id: Mapped[uuid.UUID]
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]
    matched: Mapped[int]
    amount_differs: Mapped[int]
    missing_here: Mapped[int]
    missing_there: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "statement_id"], ["statement.district_id", "statement.id"]),
        Index(None, "district_id", "statement_id"),
    )
