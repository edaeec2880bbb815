"""What is held for members before they have it: budgets, pools made in advance, queues of drops, posters."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base

TOTAL = "total"
"""The period of an allowance that is for ever; the others are trading days."""

_CAMPAIGN = ("campaign.district_id", "campaign.id")
_MEMBER = ("member.district_id", "member.id")


class Allowance(Base):
    """How many offers, and how much money, a campaign may hold in a period; changed only by guarded statements."""

    __tablename__ = "allowance"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(Text, primary_key=True)
    """``total`` or a trading day such as 2026-05-01."""
    most_offers: Mapped[int | None]
    """None: not limited."""
    offers: Mapped[int] = mapped_column(server_default="0")
    most_minor: Mapped[int | None] = mapped_column(BigInteger)
    minor: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What the offers of the period that are not over can cost at most."""

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "campaign_id"], _CAMPAIGN, ondelete="CASCADE"),
        CheckConstraint(
            "offers >= 0 AND (most_offers IS NULL OR offers <= most_offers)", name="offers_within"
        ),
        CheckConstraint("minor >= 0 AND (most_minor IS NULL OR minor <= most_minor)", name="minor_within"),
    )


class PoolPiece(Base):
    """One piece of a campaign's stock as a row of its own, so that many can be taken at once."""

    __tablename__ = "pool_piece"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    """What is in a red packet; None for what is worth the same as the others."""
    offer_id: Mapped[uuid.UUID | None]
    """The offer that has it; a plain id, for it is taken before the offer is written."""

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "campaign_id"], _CAMPAIGN, ondelete="CASCADE"),
        Index(
            "ix_pool_piece_free",
            "district_id",
            "campaign_id",
            "number",
            postgresql_where=text("offer_id IS NULL"),
        ),
        Index(
            "ix_pool_piece_offer", "district_id", "offer_id", postgresql_where=text("offer_id IS NOT NULL")
        ),
    )


class DropTicket(Base):
    """A member's place in the queue of a drop: one for each, in the order of arrival."""

    __tablename__ = "drop_ticket"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    state: Mapped[str] = mapped_column(Text, server_default="waiting")
    offer_id: Mapped[uuid.UUID | None]
    """What he got; a plain id."""
    joined_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "campaign_id"], _CAMPAIGN, ondelete="CASCADE"),
        ForeignKeyConstraint(["district_id", "member_id"], _MEMBER, ondelete="CASCADE"),
        CheckConstraint("state IN ('waiting', 'won', 'lost')", name="known_state"),
        Index("uq_drop_ticket_number", "district_id", "campaign_id", "number", unique=True),
        Index(
            "ix_drop_ticket_waiting",
            "district_id",
            "campaign_id",
            "number",
            postgresql_where=text("state = 'waiting'"),
        ),
    )


class ClaimLink(Base):
    """The address on a poster; kept in clear, so that the poster can be printed again."""

    __tablename__ = "claim_link"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(Text, primary_key=True)
    """At least 128 random bits."""
    campaign_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "campaign_id"], _CAMPAIGN, ondelete="CASCADE"),
        Index(None, "district_id", "campaign_id"),
    )
