"""Zones, access points and the base map."""

import uuid
from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Zone(Base):
    """A fixed area that footfall is counted in."""

    __tablename__ = "zone"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text, server_default="")
    outline: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    floor: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_zone_district_id_slug", "district_id", "slug", unique=True),
        Index("ix_zone_outline", "outline", postgresql_using="gist"),
    )


class AccessPoint(Base):
    """A Wi-Fi access point of the district."""

    __tablename__ = "access_point"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    mac: Mapped[str] = mapped_column(Text)
    """Twelve lower-case hex digits."""
    name: Mapped[str] = mapped_column(Text, server_default="")
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    floor: Mapped[str | None] = mapped_column(Text)
    zone_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "zone_id"], ["zone.district_id", "zone.id"]),
        Index("uq_access_point_district_id_mac", "district_id", "mac", unique=True),
    )


class MapFeature(Base):
    """A building, street or other shape of the base map, from a source with its own licence."""

    __tablename__ = "map_feature"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    layer: Mapped[str] = mapped_column(Text)
    ref: Mapped[str] = mapped_column(Text, server_default="")
    name: Mapped[str] = mapped_column(Text, server_default="")
    kind: Mapped[str] = mapped_column(Text, server_default="")
    shape: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=False))
    shape_3857: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=3857, spatial_index=False))
    """The shape as tiles need it, so that no tile transforms it again."""
    tags: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index(None, "district_id", "layer", "ref"),
        Index("ix_map_feature_shape_3857", "shape_3857", postgresql_using="gist"),
        Index("ix_map_feature_shape", "shape", postgresql_using="gist"),
    )
