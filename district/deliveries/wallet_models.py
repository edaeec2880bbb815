"""Coupons that members put into the wallet of their telephone."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class WalletPass(Base):
    """One copy of a coupon: on one telephone (Apple), or in one account (Google). All times are machine times."""

    __tablename__ = "wallet_pass"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[uuid.UUID]
    offer_id: Mapped[uuid.UUID]
    member_id: Mapped[uuid.UUID]
    device_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the name under which Apple's wallet registered; of nothing for Google."""
    push_token: Mapped[str] = mapped_column(Text, server_default="")
    told_state: Mapped[str] = mapped_column(Text)
    """The offer's state that the wallet knows, or was told to ask for."""
    changed_at: Mapped[datetime]
    """When it was told last; what a wallet asks by."""
    tries: Mapped[int] = mapped_column(server_default="0")
    retry_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        CheckConstraint("length(push_token) <= 200", name="push_token_bounded"),
        Index("uq_wallet_pass_copy", "district_id", "provider_id", "offer_id", "device_hash", unique=True),
        Index(None, "district_id", "provider_id", "device_hash"),
        Index(None, "district_id", "member_id"),
    )
