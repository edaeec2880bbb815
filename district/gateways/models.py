"""Gateways in front of the access points."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Gateway(Base):
    """One gateway; its slug is unique over all districts (route)."""

    __tablename__ = "gateway"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    vendor: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    public_url: Mapped[str] = mapped_column(Text, server_default="")
    zone_id: Mapped[uuid.UUID | None]
    allow_hosts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    allow_networks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    methods: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{click}")
    fail_open: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "zone_id"], ["zone.district_id", "zone.id"]),
        Index("uq_gateway_district_id_slug", "district_id", "slug", unique=True),
    )


class RedirectUse(Base):
    """A gateway's redirect that was used, so that it opens one session only."""

    __tablename__ = "redirect_use"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime]
    form_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Which form of which page used it, so that the same form pressed twice is answered twice."""
    member_id: Mapped[uuid.UUID | None]
    """Who was let in; a plain id, gone with the row within the hour."""
    is_proven: Mapped[bool] = mapped_column(server_default=text("false"))


class WifiSession(Base):
    """A member let onto the Wi-Fi through a gateway."""

    __tablename__ = "wifi_session"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    gateway_id: Mapped[uuid.UUID]
    member_id: Mapped[uuid.UUID]
    alias: Mapped[bytes] = mapped_column(LargeBinary)
    access_point_mac: Mapped[str] = mapped_column(Text, server_default="")
    method: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id", "granted_at"),
    )
