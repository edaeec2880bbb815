"""The tree of places: property → store or counter → till; imported attributes apart from our own."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class PropertyKind(StrEnum):
    """What a property is."""

    MALL = "mall"
    STREET = "street"
    MARKET = "market"


class Property(Base):
    """A mall, street or market."""

    __tablename__ = "property"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text, server_default="")
    category: Mapped[str] = mapped_column(Text, server_default="")
    outline: Mapped[WKBElement | None] = mapped_column(
        Geometry("MULTIPOLYGON", srid=4326, spatial_index=False)
    )
    created_at: Mapped[datetime]


class ImportedPlace(Base):
    """What a source such as OpenStreetMap says of a place, kept apart under the source's licence."""

    __tablename__ = "imported_place"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(Text, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text, server_default="")
    category: Mapped[str] = mapped_column(Text)
    brand: Mapped[str] = mapped_column(Text, server_default="")
    opening_hours: Mapped[str] = mapped_column(Text, server_default="")
    floor: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, server_default="")
    location: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    tags: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    imported_at: Mapped[datetime]


class Store(Base):
    """A store or counter. A null attribute is taken from the imported place with the same ``ref``."""

    __tablename__ = "store"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    ref: Mapped[str] = mapped_column(Text)
    merchant_id: Mapped[uuid.UUID | None]
    property_id: Mapped[uuid.UUID | None]
    parent_id: Mapped[uuid.UUID | None]
    """The store that a counter stands in."""
    name: Mapped[str | None] = mapped_column(Text)
    name_zh: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(Text)
    brand: Mapped[str | None] = mapped_column(Text)
    opening_hours: Mapped[str | None] = mapped_column(Text)
    floor: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    member_price_percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """What every member pays less here, without any coupon."""
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"]),
        ForeignKeyConstraint(["district_id", "property_id"], ["property.district_id", "property.id"]),
        ForeignKeyConstraint(["district_id", "parent_id"], ["store.district_id", "store.id"]),
        CheckConstraint("member_price_percent BETWEEN 0 AND 90", name="member_price_percent"),
        Index("uq_store_district_id_ref", "district_id", "ref", unique=True),
        Index(None, "district_id", "merchant_id"),
    )


class Till(Base):
    """A place in a store where offers are redeemed."""

    __tablename__ = "till"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    store_id: Mapped[uuid.UUID]
    name: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text, server_default="")
    floor: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "store_id"], ["store.district_id", "store.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "store_id"),
    )
