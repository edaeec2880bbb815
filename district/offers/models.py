"""Offers, the cap slots they hold, and why others were not made; who owns a district's engine."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id

_IS_RESERVED = text("state = 'reserved'")
_IS_BOUND = text("offline_store_id IS NOT NULL")
_HOLDS_MONEY = text("held_minor > 0 AND state IN ('issued', 'opened')")


class OfferState(StrEnum):
    """Where an offer stands. Expiry is read from ``valid_until``."""

    RESERVED = "reserved"
    """Held for its member, who has not claimed it; it takes stock and has no code to show."""
    ISSUED = "issued"
    OPENED = "opened"
    REDEEMED = "redeemed"
    VOID = "void"


class Offer(Base):
    """What one member got from one campaign on one occasion, as it was worded then."""

    __tablename__ = "offer"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[uuid.UUID]
    campaign_version: Mapped[int | None]
    """The version of the campaign that it was issued under; None: before versions were kept."""
    member_id: Mapped[uuid.UUID]
    occurrence_key: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="issued")
    code: Mapped[str] = mapped_column(Text)
    """Normalised typed code, ≥ 128 random bits."""
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[dict[str, Any]] = mapped_column(JSONB)
    title: Mapped[dict[str, Any]] = mapped_column(JSONB)
    text: Mapped[dict[str, Any]] = mapped_column(JSONB)
    why: Mapped[dict[str, Any]] = mapped_column(JSONB)
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    issued_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    redeemed_at: Mapped[datetime | None]
    reserved_until: Mapped[datetime | None]
    """It is held at least so long; given back later, by a sweep."""
    claimed_at: Mapped[datetime | None]
    variant: Mapped[str] = mapped_column(Text, server_default="")
    stacks_with: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{points}")
    held_minor: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What it holds of its campaign's budget; given back when it is over unused."""
    held_day: Mapped[str] = mapped_column(Text, server_default="")
    """The trading day whose allowance it counts in."""
    trigger_lon: Mapped[float | None] = mapped_column(Double)
    trigger_lat: Mapped[float | None] = mapped_column(Double)
    offline_store_id: Mapped[uuid.UUID | None]
    """The one shop in which it holds, so that its tills may take it without a line; None: it holds wherever its campaign does."""

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"]),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index("uq_offer_once", "district_id", "campaign_id", "member_id", "occurrence_key", unique=True),
        Index("uq_offer_district_id_code", "district_id", "code", unique=True),
        Index(None, "district_id", "member_id", "issued_at"),
        Index(None, "district_id", "campaign_id", "issued_at"),
        Index("ix_offer_reserved", "district_id", "reserved_until", postgresql_where=_IS_RESERVED),
        Index("ix_offer_holding", "district_id", "valid_until", postgresql_where=_HOLDS_MONEY),
        Index(
            "ix_offer_offline",
            "district_id",
            "offline_store_id",
            "valid_until",
            postgresql_where=_IS_BOUND,
        ),
    )


class CapSlot(Base):
    """One use of a frequency cap: taken by insert, or again once its period is over."""

    __tablename__ = "cap_slot"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text, primary_key=True)
    """For example ``campaign:<id>:7d``."""
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    taken_at: Mapped[datetime]
    offer_id: Mapped[uuid.UUID]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        CheckConstraint("slot >= 0", name="slot_from_zero"),
    )


class Refusal(Base):
    """Why a triggered member did not get an offer, once a day, campaign and reason."""

    __tablename__ = "refusal"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trading_day: Mapped[date] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(Text, primary_key=True)
    times: Mapped[int] = mapped_column(server_default=text("1"))
    last_at: Mapped[datetime]
    winner_id: Mapped[uuid.UUID | None]
    """The campaign whose offer went out instead, the last time."""
    would_have: Mapped[int] = mapped_column(server_default="0")
    """How often nothing but being held out stopped it."""

    __table_args__ = (Index(None, "district_id", "campaign_id", "trading_day"),)


class EngineOwner(Base):
    """The engine that decides for a district. Each of its transactions checks the epoch."""

    __tablename__ = "engine_owner"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, server_default="0")
    owner: Mapped[str] = mapped_column(Text, server_default="")
    taken_at: Mapped[datetime]
    done_sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The effects of the stream up to here are committed; what triggers again when it is replayed has had its effect."""
    done_stored_ms: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """When the event log stored that message: with the sequence it names one message of one stream."""
    rewinds: Mapped[int] = mapped_column(server_default="0")
    """How often the stream was found shorter than it had been."""
