"""The access log: rows are only added, each holds the hash of the one before it; deleted by age alone."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class AccessRecord(Base):
    """One event: a session's on, address or off; an operator's reading; an import."""

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
    detail: Mapped[str] = mapped_column(Text, server_default="")
    """Why a session ended, that a sign-in is a claim so far, or what was read."""
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 over the previous hash and this row."""

    __table_args__ = (
        Index(None, "district_id", "at"),
        Index(None, "district_id", "session"),
        Index(
            "ix_access_record_inner",
            "district_id",
            "inner_address",
            "at",
            postgresql_where=sql("inner_address <> ''"),
        ),
        Index(
            "ix_access_record_outer",
            "district_id",
            "outer_address",
            "at",
            postgresql_where=sql("outer_address <> ''"),
        ),
    )


class AccessSession(Base):
    """A session that is on: what its later events repeat. Gone when its end is in the log."""

    __tablename__ = "access_session"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    session: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """The Wi-Fi session; a plain id."""
    member_id: Mapped[uuid.UUID | None]
    identity: Mapped[str] = mapped_column(Text, server_default="")
    method: Mapped[str] = mapped_column(Text, server_default="")
    mac: Mapped[str] = mapped_column(Text, server_default="")
    inner_address: Mapped[str] = mapped_column(Text, server_default="")
    outer_address: Mapped[str] = mapped_column(Text, server_default="")
    nas: Mapped[str] = mapped_column(Text, server_default="")
    access_point_mac: Mapped[str] = mapped_column(Text, server_default="")
    at: Mapped[datetime]
    is_logged: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Whether its beginning is in the log: RADIUS leaves that to the worker."""


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
        Index(None, "district_id", "outer_address", "since"),
        Index(None, "district_id", "until"),
    )
