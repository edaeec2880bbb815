"""Visits, made only from recorded sightings."""

import uuid
from datetime import date, datetime

from sqlalchemy import Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base


class Visit(Base):
    """A stay of one person in the district (place kind ``district``), a zone or a store."""

    __tablename__ = "visit"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """uuid5 of person, place and start, so that making it again changes nothing."""
    place_kind: Mapped[str] = mapped_column(Text)
    place_id: Mapped[uuid.UUID | None]
    member_id: Mapped[uuid.UUID | None]
    device: Mapped[bytes | None] = mapped_column(LargeBinary)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    fixes: Mapped[int] = mapped_column(SmallInteger)
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        Index(None, "district_id", "place_kind", "place_id", "started_at"),
        Index(
            "ix_visit_member",
            "district_id",
            "member_id",
            "started_at",
            postgresql_where=text("member_id IS NOT NULL"),
        ),
    )
