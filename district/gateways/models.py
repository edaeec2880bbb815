"""Gateways in front of the access points."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Plan(Base):
    """What a login may use. None: no limit."""

    __tablename__ = "plan"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, server_default="")
    session_s: Mapped[int | None]
    idle_s: Mapped[int | None]
    down_kbps: Mapped[int | None]
    up_kbps: Mapped[int | None]
    volume_kib: Mapped[int | None] = mapped_column(BigInteger)
    """Of one session, both directions together."""
    devices: Mapped[int | None] = mapped_column(SmallInteger)
    """On line at once."""
    daily_s: Mapped[int | None]
    """Per member and trading day."""
    daily_kib: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]

    __table_args__ = (Index("uq_plan_district_id_slug", "district_id", "slug", unique=True),)


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
    name: Mapped[str] = mapped_column(Text, server_default="")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What only this vendor needs, in the form that its file declares."""
    plan_id: Mapped[uuid.UUID | None]
    is_real_name: Mapped[bool] = mapped_column(server_default=text("false"))
    """The law asks who is on line here: no click-through, and the access log holds addresses and ports."""
    sign_in: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """How the sign-in page asks, in the form of ``sign_in_options.SignInOptions``."""
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "zone_id"], ["zone.district_id", "zone.id"]),
        ForeignKeyConstraint(["district_id", "plan_id"], ["plan.district_id", "plan.id"]),
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
    released_at: Mapped[datetime | None]
    """When the vendor's server did not let the person in: the redirect may be used again."""


class RedirectSight(Base):
    """When something that grows old without saying its age was first seen in a redirect. Machine time."""

    __tablename__ = "redirect_sight"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ages: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    first_at: Mapped[datetime]


class RedirectEvent(Base):
    """One of the last redirects of a gateway, for its self-test page; devices are shown shortened."""

    __tablename__ = "redirect_event"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    gateway_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(Text)
    """shown, let_in, refused, waiting, failed; polled: no redirect, the gateway came to fetch who may pass."""
    cause: Mapped[str] = mapped_column(Text, server_default="")
    """Why it was refused, in a word of ``causes.Cause``."""
    detail: Mapped[str] = mapped_column(Text, server_default="")
    """What was wrong and what to do, for the operator."""
    shown: Mapped[str] = mapped_column(Text, server_default="")
    """The redirect's fields as they came, secrets and device addresses left out."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "gateway_id", "id"),
    )


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
    device_mac: Mapped[str] = mapped_column(Text, server_default="")
    """Twelve lower-case hex digits while the session is open, for its end needs the address; empty afterwards."""
    plan_id: Mapped[uuid.UUID | None]
    grant: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What the vendor's file needs to extend or to end it."""
    expires_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    """When the gateway, its controller or RADIUS confirmed that this device is on line."""
    confirmed_by: Mapped[str] = mapped_column(Text, server_default="")
    """signature, controller, radius, gateway; empty: a claim."""
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id", "granted_at"),
        Index(
            "ix_wifi_session_open",
            "district_id",
            "alias",
            "granted_at",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class QueuedGrant(Base):
    """A login that its gateway fetches (openNDS levels 3 and 4). Its life is machine time."""

    __tablename__ = "queued_grant"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(Text, primary_key=True)
    """What the gateway acknowledges it by (rhid)."""
    wifi_session_id: Mapped[uuid.UUID]
    entry: Mapped[str] = mapped_column(Text)
    """The line as the gateway reads it."""
    router: Mapped[str] = mapped_column(Text, server_default="")
    """The name, hashed, of the machine that fetches it: one registration may serve several, each with its own clients."""
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
    )


class SessionEnding(Base):
    """A session that must end now: told to its gateway by a worker, again until it answers. Machine time."""

    __tablename__ = "session_ending"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    wifi_session_id: Mapped[uuid.UUID | None]
    radius_session_id: Mapped[str | None] = mapped_column(Text)
    """A session that only RADIUS knows; a plain id."""
    reason: Mapped[str] = mapped_column(Text)
    """withdrawn, erased, banned, operator, quota."""
    requested_at: Mapped[datetime]
    retry_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    done_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, server_default="")
    """What the gateway said last."""

    __table_args__ = (
        Index("ix_session_ending_due", "district_id", "retry_at", postgresql_where=text("done_at IS NULL")),
    )


class SessionChange(Base):
    """A session whose plan was changed: its NAS is told by a worker, again until it answers. Machine time."""

    __tablename__ = "session_change"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    wifi_session_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    requested_at: Mapped[datetime]
    retry_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    done_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, server_default="")
    """What the NAS said last."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "wifi_session_id"],
            ["wifi_session.district_id", "wifi_session.id"],
            ondelete="CASCADE",
        ),
        Index("ix_session_change_due", "district_id", "retry_at", postgresql_where=text("done_at IS NULL")),
    )


class Ban(Base):
    """A device or a member that is not let in."""

    __tablename__ = "ban"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    alias: Mapped[bytes | None] = mapped_column(LargeBinary)
    member_id: Mapped[uuid.UUID | None]
    reason: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime]
    until: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("alias IS NOT NULL OR member_id IS NOT NULL", name="somebody"),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "alias"),
        Index(None, "district_id", "member_id"),
    )
