"""Campaigns, their stock and the stores they hold for."""

import uuid
from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Campaign(Base):
    """A merchant's rule and offer. ``version`` grows with each change."""

    __tablename__ = "campaign"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[uuid.UUID]
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    offer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    fence: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    """What ``where.within`` came to when it was saved."""
    floor: Mapped[str | None] = mapped_column(Text)
    reject_reason: Mapped[str] = mapped_column(Text, server_default="")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"]),
        Index(None, "district_id", "merchant_id"),
        Index(None, "district_id", "state"),
    )


class CampaignStock(Base):
    """How many offers a campaign may issue; changed only by guarded single statements."""

    __tablename__ = "campaign_stock"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    quota: Mapped[int | None]
    """None: not limited."""
    issued: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        CheckConstraint("issued >= 0 AND (quota IS NULL OR issued <= quota)", name="issued_within_quota"),
    )


class CampaignStore(Base):
    """A store where the campaign's offers are redeemed."""

    __tablename__ = "campaign_store"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "store_id"], ["store.district_id", "store.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "store_id"),
    )
