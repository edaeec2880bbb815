"""RADIUS: its clients, one-time tokens and sessions."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class RadiusClient(Base):
    """A NAS that may ask: one secret each."""

    __tablename__ = "radius_client"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    """An address, or a network in CIDR form."""
    secret: Mapped[str] = mapped_column(Text)
    gateway_id: Mapped[uuid.UUID | None]
    nas_identifier: Mapped[str] = mapped_column(Text, server_default="")
    coa_address: Mapped[str] = mapped_column(Text, server_default="")
    """Where Disconnect and CoA go; empty: where the accounting came from."""
    coa_port: Mapped[int] = mapped_column(server_default="3799")
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        Index("uq_radius_client_district_id_name", "district_id", "name", unique=True),
        Index("uq_radius_client_district_id_address", "district_id", "address", unique=True),
    )


class RadiusToken(Base):
    """The one-time password of one login, bound to its device and gateway. Machine time.

    Kept in clear for its two minutes, because CHAP and MSCHAPv2 are computed from it.
    """

    __tablename__ = "radius_token"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(Text, primary_key=True)
    """Random, and new for each login: it names no member."""
    password: Mapped[str] = mapped_column(Text)
    gateway_id: Mapped[uuid.UUID]
    mac: Mapped[str] = mapped_column(Text)
    """Twelve lower-case hex digits."""
    member_id: Mapped[uuid.UUID]
    wifi_session_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "expires_at"),
    )


class RadiusCredential(Base):
    """A member's own user name and password for 802.1X, as installed by a profile; clear, for PEAP needs it."""

    __tablename__ = "radius_credential"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(Text, primary_key=True)
    password: Mapped[str] = mapped_column(Text)
    member_id: Mapped[uuid.UUID]
    plan_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
    )


class RadiusProfileDelivery(Base):
    """One time that a credential left the portal: as a profile for a device, or to be read."""

    __tablename__ = "radius_profile_delivery"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(Text)
    form: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "username"],
            ["radius_credential.district_id", "radius_credential.username"],
            ondelete="CASCADE",
        ),
        Index(None, "district_id", "username"),
    )


class RadiusAuthority(Base):
    """How members' devices know the district's RADIUS server for 802.1X: written by `district radius render`."""

    __tablename__ = "radius_authority"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    realm: Mapped[str] = mapped_column(Text)
    """What stands behind the @ of every name."""
    server_name: Mapped[str] = mapped_column(Text)
    """The name in the server's certificate, which devices insist on."""
    ssid: Mapped[str] = mapped_column(Text, server_default="")
    """The network to join by name; empty: by Passpoint alone."""
    certificate: Mapped[str] = mapped_column(Text)
    """The authority's certificate, PEM."""
    key: Mapped[str] = mapped_column(Text, server_default="")
    """Its private key, PEM; empty when somebody else is the authority."""
    created_at: Mapped[datetime]


class RadiusSession(Base):
    """One session as accounting tells it; one row however many packets came, in any order."""

    __tablename__ = "radius_session"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unique_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Acct-Unique-Session-Id, or the hash of user, session and NAS."""
    session_id: Mapped[str] = mapped_column(Text, server_default="")
    username: Mapped[str] = mapped_column(Text, server_default="")
    nas_address: Mapped[str] = mapped_column(Text, server_default="")
    nas_identifier: Mapped[str] = mapped_column(Text, server_default="")
    gateway_id: Mapped[uuid.UUID | None]
    """A plain id, as are the two below: what is told stays when they go."""
    wifi_session_id: Mapped[uuid.UUID | None]
    member_id: Mapped[uuid.UUID | None]
    alias: Mapped[bytes | None] = mapped_column(LargeBinary)
    calling_station: Mapped[str] = mapped_column(Text, server_default="")
    """As the NAS spells it while the session is open, for its end needs it; empty afterwards."""
    access_point_mac: Mapped[str] = mapped_column(Text, server_default="")
    ssid: Mapped[str] = mapped_column(Text, server_default="")
    framed_address: Mapped[str] = mapped_column(Text, server_default="")
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    """Machine time of the newest packet."""
    stopped_at: Mapped[datetime | None]
    session_s: Mapped[int] = mapped_column(BigInteger, server_default="0")
    up_octets: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """From the member's device."""
    down_octets: Mapped[int] = mapped_column(BigInteger, server_default="0")
    view: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Whose input the octets were told as: 1 the NAS's, 2 the client's, 0 not said."""
    interim_s: Mapped[int] = mapped_column(server_default="600")
    terminate_cause: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        Index(
            "ix_radius_session_open", "district_id", "updated_at", postgresql_where=text("stopped_at IS NULL")
        ),
        Index(
            "ix_radius_session_nas",
            "district_id",
            "nas_address",
            "nas_identifier",
            postgresql_where=text("stopped_at IS NULL"),
        ),
        Index("ix_radius_session_member", "district_id", "member_id", "started_at"),
        Index("ix_radius_session_wifi", "district_id", "wifi_session_id"),
        Index(
            "ix_radius_session_stopped",
            "district_id",
            "stopped_at",
            postgresql_where=text("stopped_at IS NOT NULL"),
        ),
    )


class RadiusPlace(Base):
    """A device that was just let in under a plan that counts devices: its place is taken before accounting tells of it."""

    __tablename__ = "radius_place"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Its alias; of a device without an address, the hash of its session."""
    taken_at: Mapped[datetime]
    """Machine time."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "taken_at"),
    )


class NasClock(Base):
    """How far the clock of a NAS is from ours, as its accounting told it last."""

    __tablename__ = "nas_clock"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    nas: Mapped[str] = mapped_column(Text, primary_key=True)
    """Its address and name."""
    ahead_s: Mapped[int] = mapped_column(BigInteger)
    """Negative: behind."""
    packets: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Whose time was not believed."""
    heard_at: Mapped[datetime]
    """Machine time."""
