"""Vouchers: printed codes, made in batches."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class VoucherBatch(Base):
    """Codes that were made together, for one plan."""

    __tablename__ = "voucher_batch"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    plan_id: Mapped[uuid.UUID | None]
    uses: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """How many devices one code lets in."""
    valid_until: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "plan_id"], ["plan.district_id", "plan.id"]),
        Index(None, "district_id", "created_at"),
    )


class Voucher(Base):
    """One printed code; kept in clear, so that a batch can be printed again."""

    __tablename__ = "voucher"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    batch_id: Mapped[uuid.UUID]
    used: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    first_used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "batch_id"], ["voucher_batch.district_id", "voucher_batch.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "batch_id"),
    )


class VoucherUse(Base):
    """Who came in with a voucher."""

    __tablename__ = "voucher_use"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    used_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "code"], ["voucher.district_id", "voucher.code"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
    )
