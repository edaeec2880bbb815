"""Merchants and the endpoints that they want events sent to."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Merchant(Base):
    """A business of the district; its stores point to it."""

    __tablename__ = "merchant"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime]
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))


class WebhookEndpoint(Base):
    """Where a merchant receives signed events (Standard Webhooks)."""

    __tablename__ = "webhook_endpoint"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[uuid.UUID]
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"], ondelete="CASCADE"
        ),
    )
