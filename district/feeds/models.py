"""Feeds and how well they do."""

import uuid
from datetime import date, datetime

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Feed(Base):
    """A source of sightings; its slug is unique over all districts (route)."""

    __tablename__ = "feed"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    vendor: Mapped[str] = mapped_column(Text)
    """sightings, meraki, …"""
    secret: Mapped[str] = mapped_column(Text, server_default="")
    validator: Mapped[str] = mapped_column(Text, server_default="")
    datum: Mapped[str] = mapped_column(Text, server_default="wgs84")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_feed_district_id_slug", "district_id", "slug", unique=True),)


class FeedHealth(Base):
    """Rows of one feed on one trading day, by what became of them."""

    __tablename__ = "feed_health"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    feed_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(Text, primary_key=True)
    """accepted, duplicate, recorded, or the reason of a rejection."""
    rows: Mapped[int] = mapped_column(BigInteger, server_default="0")
    last_at: Mapped[datetime]
