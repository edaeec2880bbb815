"""Districts, the routes that find them, and the simulated clock."""

import uuid
from datetime import datetime, time
from enum import StrEnum

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, Float, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class RouteKind(StrEnum):
    """What a name outside any district may stand for."""

    KEY = "key"
    GATEWAY = "gateway"
    FEED = "feed"
    SMS_PROVIDER = "sms_provider"


class District(Base):
    """A shopping district: the tenant that every other row belongs to. A reference table."""

    __tablename__ = "district"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text, server_default="")
    center: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    zone: Mapped[str] = mapped_column(Text)
    day_start: Mapped[time] = mapped_column(server_default="06:00")
    crs: Mapped[str] = mapped_column(Text, server_default="wgs84")
    currency: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default="")
    label: Mapped[str] = mapped_column(Text, server_default="")
    """Shown on every page when not empty: says that the data are generated."""
    attribution: Mapped[str] = mapped_column(Text, server_default="")
    alias_key: Mapped[bytes] = mapped_column(LargeBinary)
    """Key of the HMAC under which MAC addresses are kept."""
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_iso4217"),)


class Route(Base):
    """From a gateway's slug, a feed's slug or a key's hash to its district. A reference table."""

    __tablename__ = "route"

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    district_id: Mapped[uuid.UUID]


class ClockSimulation(Base):
    """The one row that makes business time run from another instant, or faster. A reference table."""

    __tablename__ = "clock_simulation"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    machine_from: Mapped[datetime]
    business_from: Mapped[datetime]
    speed: Mapped[float] = mapped_column(Float, server_default="1")

    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("speed > 0", name="speed_positive"),
    )
