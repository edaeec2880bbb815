"""Keys that sign what members' pages show."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base


class CodeKey(Base):
    """An Ed25519 key of a district. All times are machine times."""

    __tablename__ = "code_key"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    """As it stands in each code: one byte."""
    public: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The private half, sealed with the installation's secret."""
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    """Tills have it before the first code is signed with it."""
    retires_at: Mapped[datetime | None]
    """What it signed is believed no longer; None: until another one takes its place."""

    __table_args__ = (CheckConstraint("key_id BETWEEN 1 AND 255", name="one_byte"),)
