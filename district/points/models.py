"""The district's rule of points, members' lots of them, and what became of each."""

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
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class MovementKind(StrEnum):
    """Why a balance changed."""

    VISIT = "visit"
    REDEMPTION = "redemption"
    PURCHASE = "purchase"
    OFFER = "offer"
    TAKEN_BACK = "taken_back"
    SPENT = "spent"
    RETURNED = "returned"
    EXPIRED = "expired"
    PARTED = "parted"
    """Two memberships were one for a while, and one spent of the other's points."""


EARNINGS = frozenset({MovementKind.VISIT, MovementKind.REDEMPTION, MovementKind.PURCHASE, MovementKind.OFFER})


class PointsRule(Base):
    """What earns points in a district, and what one is worth."""

    __tablename__ = "points_rule"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    is_on: Mapped[bool] = mapped_column(server_default=text("false"))
    value_minor: Mapped[int]
    """What one point pays, in minor units; stays while points are out."""
    life_days: Mapped[int]
    per_visit: Mapped[int]
    visits_per_day: Mapped[int]
    per_redemption: Mapped[int]
    minor_units_per_point: Mapped[int | None]
    """A purchase earns one point for each of so many minor units; None: none."""
    most_per_purchase: Mapped[int]
    most_per_day: Mapped[int]
    merchant_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid))
    """Whose tills take points; None: everybody's."""
    changed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("value_minor > 0 AND life_days > 30", name="worth_something"),
        CheckConstraint("minor_units_per_point > 0", name="rate_positive"),
    )


class PointsWallet(Base):
    """The row that every change of a member's points locks. The balance is what his lots hold, less his debt."""

    __tablename__ = "points_wallet"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    debt: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Points that were taken back after they had been spent; what comes next pays them."""

    __table_args__ = (
        CheckConstraint("debt >= 0", name="debt_from_zero"),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
    )


class PointsLot(Base):
    """Points that came at once and end at once; the oldest are spent first."""

    __tablename__ = "points_lot"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID]
    remaining: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        CheckConstraint("remaining >= 0", name="remaining_from_zero"),
        Index(
            "ix_points_lot_open",
            "district_id",
            "member_id",
            "expires_at",
            postgresql_where=text("remaining > 0"),
        ),
        Index("ix_points_lot_ending", "district_id", "expires_at", postgresql_where=text("remaining > 0")),
    )


class PointsMovement(Base):
    """One change of a balance; its subject changes it once for each kind."""

    __tablename__ = "points_movement"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID]
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[uuid.UUID]
    points: Mapped[int] = mapped_column(BigInteger)
    balance: Mapped[int] = mapped_column(BigInteger)
    """What the balance was afterwards."""
    store_id: Mapped[uuid.UUID | None]
    expires_at: Mapped[datetime | None]
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index("uq_points_movement_subject", "district_id", "kind", "subject_id", unique=True),
        Index(None, "district_id", "member_id", "at"),
    )


class PointsSpend(Base):
    """A part payment at a till; the stored answer is given again for the same request number."""

    __tablename__ = "points_spend"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    till: Mapped[str] = mapped_column(Text)
    use_request_no: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    member_id: Mapped[uuid.UUID | None]
    """A plain id, taken away when the member leaves: the merchant's books stay."""
    merchant_id: Mapped[uuid.UUID]
    store_id: Mapped[uuid.UUID]
    points: Mapped[int] = mapped_column(Integer)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]
    """When the last of these points would have ended."""
    at: Mapped[datetime]
    return_request_no: Mapped[str | None] = mapped_column(Text)
    returned_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        Index("uq_points_spend_request", "district_id", "till", "use_request_no", unique=True),
        Index(None, "district_id", "member_id"),
    )


class MemberPass(Base):
    """A code that shows a till who stands there, for some minutes; only its hash is kept."""

    __tablename__ = "member_pass"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    member_id: Mapped[uuid.UUID]
    expires_at: Mapped[datetime]
    """Machine time."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
        Index(None, "district_id", "expires_at"),
    )
