"""What arrived in members' inboxes."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class InboxItem(Base):
    """A message in a member's page. The id is the outbox message's, so that it arrives once."""

    __tablename__ = "inbox_item"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=False))
    """Grows with arrival; what ``Last-Event-ID`` carries."""
    member_id: Mapped[uuid.UUID]
    offer_id: Mapped[uuid.UUID | None]
    store_id: Mapped[uuid.UUID | None]
    title: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    why: Mapped[dict[str, Any]] = mapped_column(JSONB)
    kind: Mapped[str] = mapped_column(Text, server_default="offer")
    at: Mapped[datetime]
    committed_at: Mapped[datetime]
    """Machine time of arrival."""
    read_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id", "sequence"),
    )
