"""What waits to be decided: happenings of members, and the times at which schedules take place."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class PendingTrigger(Base):
    """Something a member did, or that befell him, for which an offer may be due. Done rows keep it from coming twice."""

    __tablename__ = "pending_trigger"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    """A trigger's word of the rule language: wifi.join, store.visit, purchase, member.birthday …"""
    member_id: Mapped[uuid.UUID]
    campaign_id: Mapped[uuid.UUID | None]
    """None: every live campaign that waits for this kind."""
    subject_id: Mapped[uuid.UUID | None]
    """The store, or what else it happened at; a plain id."""
    occurrence_key: Mapped[str] = mapped_column(Text)
    """What makes it one happening, however often it is told: a visit's id, a receipt's number."""
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    """Business time before which it is not decided."""
    expires_at: Mapped[datetime]
    """Business time from which it is too late."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    outcome: Mapped[str] = mapped_column(Text, server_default="")
    """Empty while it waits; then decided, expired or failed."""
    done_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(
            "uq_pending_trigger_once",
            "district_id",
            "kind",
            "member_id",
            "occurrence_key",
            "campaign_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_pending_trigger_due", "district_id", "due_at", postgresql_where=text("done_at IS NULL")),
        Index(
            "ix_pending_trigger_done", "district_id", "done_at", postgresql_where=text("done_at IS NOT NULL")
        ),
    )


class Occurrence(Base):
    """One time at which a scheduled campaign takes place, and how far its plan has come."""

    __tablename__ = "occurrence"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """uuid5 of campaign and slot, so that making it again changes nothing."""
    campaign_id: Mapped[uuid.UUID]
    campaign_version: Mapped[int]
    wall_at: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    """What the schedule says, by the clocks of ``zone``."""
    as_second: Mapped[bool] = mapped_column(server_default=text("false"))
    """The second time that the clocks show it."""
    zone: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime]
    """What that means by the zone's rules as known when it was last looked at."""
    state: Mapped[str] = mapped_column(Text, server_default="due")
    """due, planning, done, or missed when it could not begin in time."""
    next_at: Mapped[datetime]
    """Business time of the next batch."""
    after_member_id: Mapped[uuid.UUID | None]
    """The plan has come to this member, in the order of ids."""
    planned: Mapped[int] = mapped_column(server_default="0")
    issued: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state IN ('due', 'planning', 'done', 'missed')", name="state_known"),
        Index("uq_occurrence_starts_at", "district_id", "campaign_id", "starts_at", unique=True),
        Index("uq_occurrence_slot", "district_id", "campaign_id", "wall_at", "as_second", unique=True),
        Index(
            "ix_occurrence_due",
            "district_id",
            "next_at",
            postgresql_where=text("state IN ('due', 'planning')"),
        ),
    )
