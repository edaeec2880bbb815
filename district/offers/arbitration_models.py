"""What arbitration keeps: who was exposed to which campaign, what merchants' shares cost, the policy of a district, the fitted model."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from district.database import Base


class Exposure(Base):
    """A member who was sent an offer, or would have been had he not been held out: once per occasion.

    Treated and control rows are written by the same checks, so that both arms have the same denominators. After an
    erasure ``member_id`` leads to nobody.
    """

    __tablename__ = "exposure"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    occurrence_key: Mapped[str] = mapped_column(Text, primary_key=True)
    campaign_version: Mapped[int]
    merchant_id: Mapped[uuid.UUID | None]
    arm: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    offer_id: Mapped[uuid.UUID | None]
    """The offer that was issued; None for who was held out."""
    kind: Mapped[str] = mapped_column(Text)
    """What the offer is worth in kind, and the band in which it competed: ``percent:normal``."""
    chance: Mapped[float] = mapped_column(Double)
    """The believed chance that such an offer is redeemed, when it was decided."""
    score_minor: Mapped[float] = mapped_column(Double)
    features: Mapped[list[float]] = mapped_column(ARRAY(Double))
    """In the order of ``push.redeem_model.FEATURES``."""
    model_version: Mapped[int]
    holdout_pct: Mapped[float | None] = mapped_column(Double)
    """The share of members that the campaign held out when this was drawn; None: before it was kept."""
    holdout_salt: Mapped[str | None] = mapped_column(Text)
    """Under which the arm was drawn; rows of another share or salt are another experiment."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        CheckConstraint("arm IN ('treated', 'control', 'district_control')", name="arm_known"),
        CheckConstraint("(arm = 'treated') = (offer_id IS NOT NULL)", name="treated_has_offer"),
        Index(None, "district_id", "campaign_id", "arm", "at"),
        Index(None, "district_id", "member_id"),
        Index(None, "district_id", "at"),
    )


class MerchantPrice(Base):
    """What a merchant's share of the district's attention costs now, and how often his offers went out."""

    __tablename__ = "merchant_price"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    price_minor: Mapped[float] = mapped_column(Double, server_default="0")
    served: Mapped[int] = mapped_column(BigInteger, server_default="0")
    competed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    won: Mapped[int] = mapped_column(BigInteger, server_default="0")
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"], ondelete="CASCADE"
        ),
        CheckConstraint("price_minor >= 0", name="price_from_zero"),
    )


class MarketingPolicy(Base):
    """What an operator set for all campaigns of a district; a district without a row has the defaults."""

    __tablename__ = "marketing_policy"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    offers_per_day: Mapped[int] = mapped_column(SmallInteger)
    offers_per_7d: Mapped[int | None] = mapped_column(SmallInteger)
    merchant_per_day: Mapped[int | None] = mapped_column(SmallInteger)
    gap_min: Mapped[int] = mapped_column(SmallInteger)
    control_pct: Mapped[int] = mapped_column(SmallInteger)
    holdout_pct: Mapped[int] = mapped_column(SmallInteger)
    quiet_from: Mapped[int] = mapped_column(SmallInteger)
    """Minutes from midnight by the district's clocks."""
    quiet_until: Mapped[int] = mapped_column(SmallInteger)
    share_pct: Mapped[int] = mapped_column(SmallInteger)
    explore_pct: Mapped[int] = mapped_column(SmallInteger)
    typical_spend_minor: Mapped[int] = mapped_column(BigInteger)
    fatigue_minor: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    changed_at: Mapped[datetime]


class RedeemModel(Base):
    """A fitted model of who redeems: JSON coefficients and how reliable they were. The newest that is used decides."""

    __tablename__ = "redeem_model"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    fitted_at: Mapped[datetime]
    until: Mapped[datetime]
    """Offers issued before this were looked at."""
    rows: Mapped[int]
    redeemed: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reliability: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_linear: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether it has weights of its own; else it is the prior with the counts of that time."""
