"""What WeChat and its like lend: access tokens that all workers share, and members' leave to send one message."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class ChannelToken(Base):
    """The access token of a provider's account: one for every worker, renewed by one of them at a time."""

    __tablename__ = "channel_token"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed about the provider and its account: another account's token does not open. Empty: none yet."""
    expires_at: Mapped[datetime]
    """Machine time."""
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Grows with each token."""
    renewing_until: Mapped[datetime | None]
    """Machine time until which one worker alone asks for a new one."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            ondelete="CASCADE",
        ),
    )


class WechatGrant(Base):
    """A member's leave to send him one message by one template of a mini-program."""

    __tablename__ = "wechat_grant"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID]
    provider_id: Mapped[uuid.UUID]
    template_id: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime]
    delivery_id: Mapped[uuid.UUID | None]
    """What it was used for; None: not yet."""
    taken_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            ondelete="CASCADE",
        ),
        Index("uq_wechat_grant_delivery", "district_id", "delivery_id", unique=True),
        Index(
            "ix_wechat_grant_left",
            "district_id",
            "member_id",
            "provider_id",
            "template_id",
            postgresql_where=text("delivery_id IS NULL"),
        ),
        Index(None, "district_id", "provider_id"),
    )
