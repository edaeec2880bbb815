"""Campaigns, their versions and history, their stock and the stores they hold for."""

import uuid
from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.campaigns import shared_models  # noqa: F401 who knows these tables knows those that hang on them
from district.database import Base, new_id


class Campaign(Base):
    """A rule and an offer, and whose they are."""

    __tablename__ = "campaign"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_kind: Mapped[str] = mapped_column(Text, server_default="chain")
    merchant_id: Mapped[uuid.UUID | None]
    """Of a store's or a chain's campaign; None: it belongs to a property or to the operator."""
    property_id: Mapped[uuid.UUID | None]
    owner_store_id: Mapped[uuid.UUID | None]
    """The store of a store's campaign; a plain id."""
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    """What a caller has seen; grows with whatever a person does to it."""
    content_version: Mapped[int] = mapped_column(server_default="1")
    """The version whose content this row holds: what is in force, or the draft."""
    pending_version: Mapped[int | None]
    """The version that waits for approval while this one goes on."""
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    offer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    fence: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    """What ``where.within`` came to when it was saved."""
    floor: Mapped[str | None] = mapped_column(Text)
    reject_reason: Mapped[str] = mapped_column(Text, server_default="")
    pause_reason: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Why it was paused, in both languages; None: somebody pressed pause."""
    holds_until: Mapped[datetime | None]
    """An approved campaign is not scheduled before: stores still enrol."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"]),
        ForeignKeyConstraint(["district_id", "property_id"], ["property.district_id", "property.id"]),
        CheckConstraint(
            "CASE owner_kind WHEN 'chain' THEN merchant_id IS NOT NULL AND property_id IS NULL"
            " WHEN 'store' THEN merchant_id IS NOT NULL AND owner_store_id IS NOT NULL AND property_id IS NULL"
            " WHEN 'property' THEN property_id IS NOT NULL AND merchant_id IS NULL"
            " WHEN 'operator' THEN merchant_id IS NULL AND property_id IS NULL ELSE false END",
            name="one_owner",
        ),
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


class CampaignVersion(Base):
    """What a campaign said from one change to the next; never changed once written."""

    __tablename__ = "campaign_version"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    offer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    fence: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    floor: Mapped[str | None] = mapped_column(Text)
    store_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    made_at: Mapped[datetime]
    made_by: Mapped[uuid.UUID | None]
    """The account that made the change; a plain id. None: it stood before versions were kept."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
    )


class CampaignLook(Base):
    """What was seen last of a campaign that ends by itself."""

    __tablename__ = "campaign_look"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]
    """Machine time of the next look."""
    looked_at: Mapped[datetime | None]
    """Business time; None: not yet."""
    redemptions: Mapped[int] = mapped_column(server_default="0")
    new_customers: Mapped[int | None]
    """As it may be published."""
    opt_outs: Mapped[int | None]
    """As it may be published."""
    visits_p: Mapped[float | None]
    opt_outs_p: Mapped[float | None]
    stopped_by: Mapped[str | None] = mapped_column(Text)
    """Why it ended by itself."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "next_at"),
    )


class CampaignEvent(Base):
    """Something that was done to a campaign; only ever added."""

    __tablename__ = "campaign_event"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    """Of the content that it was about."""
    role: Mapped[str] = mapped_column(Text)
    """Of who did it; clock: nobody, its time had come."""
    account_id: Mapped[uuid.UUID | None]
    """A plain id."""
    reason: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """In the languages that it was given in."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "campaign_id", "id"),
    )
