"""The access log: rows are only added, each holds the hash of the one before it; deleted by age alone."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class AccessRecord(Base):
    """One event of one session: on, address, off."""

    __tablename__ = "access_record"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """1, 2, 3 … in the district, without gaps."""
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(Text)
    session: Mapped[str] = mapped_column(Text)
    """The Wi-Fi or RADIUS session; a plain id."""
    member_id: Mapped[uuid.UUID | None]
    """A plain id: the log outlives the membership."""
    identity: Mapped[str] = mapped_column(Text, server_default="")
    """The verified phone number, e-mail address or account, where the law asks for it."""
    method: Mapped[str] = mapped_column(Text, server_default="")
    mac: Mapped[str] = mapped_column(Text, server_default="")
    inner_address: Mapped[str] = mapped_column(Text, server_default="")
    outer_address: Mapped[str] = mapped_column(Text, server_default="")
    outer_ports: Mapped[str] = mapped_column(Text, server_default="")
    """first-last."""
    nas: Mapped[str] = mapped_column(Text, server_default="")
    access_point_mac: Mapped[str] = mapped_column(Text, server_default="")
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 over the previous hash and this row."""

    __table_args__ = (
        Index(None, "district_id", "at"),
        Index(None, "district_id", "session"),
    )


class AccessChain(Base):
    """Where a district's chain stands: the row that its writers lock, and what is left after the oldest are deleted."""

    __tablename__ = "access_chain"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger, server_default="0")
    last_hash: Mapped[bytes] = mapped_column(LargeBinary)
    first_kept_number: Mapped[int] = mapped_column(BigInteger, server_default="1")
    hash_before_first: Mapped[bytes] = mapped_column(LargeBinary)


class AddressTranslation(Base):
    """A line of an imported NAT log: which inner address stood behind which outer one, and when."""

    __tablename__ = "address_translation"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    line_hash: Mapped[bytes] = mapped_column(LargeBinary)
    since: Mapped[datetime]
    until: Mapped[datetime]
    protocol: Mapped[str] = mapped_column(Text, server_default="")
    inner_address: Mapped[str] = mapped_column(Text)
    inner_ports: Mapped[str] = mapped_column(Text, server_default="")
    outer_address: Mapped[str] = mapped_column(Text)
    outer_ports: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        Index(None, "district_id", "line_hash", unique=True),
        Index(None, "district_id", "inner_address", "since"),
    )
