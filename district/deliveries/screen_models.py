"""What screens in shops were told last."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base


class ScreenTopic(Base):
    """What a broker has for one store. All times are machine times."""

    __tablename__ = "screen_topic"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """A plain id: what was said of a store is taken back after it is gone."""
    topic: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    said_at: Mapped[datetime]
    again_at: Mapped[datetime]
    """When it is said again, so that it does not end."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            ondelete="CASCADE",
        ),
    )
