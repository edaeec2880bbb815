"""Recorded sightings."""

import uuid
from datetime import datetime

from sqlalchemy import Double, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base


class RawSighting(Base):
    """One sighting as accepted, in the partition of its day (UTC). Passive rows live at most 24 hours."""

    __tablename__ = "raw_sighting"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    feed_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(Text, primary_key=True)
    device: Mapped[bytes] = mapped_column(LargeBinary)
    """HMAC(day salt, HMAC(alias key, MAC)), 16 bytes."""
    member_id: Mapped[uuid.UUID | None]
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float] = mapped_column(REAL)
    floor: Mapped[str | None] = mapped_column(Text)
    access_point_id: Mapped[uuid.UUID | None]
    rssi_dbm: Mapped[float | None] = mapped_column(REAL)
    received_at: Mapped[datetime]
    late: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        Index("ix_raw_sighting_at", "at", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
