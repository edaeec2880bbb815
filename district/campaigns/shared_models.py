"""What several parties share: properties' consents, joint events and who pays, and what joining brings."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class TerritoryConsent(Base):
    """A property's word that somebody's campaigns may reach into its building."""

    __tablename__ = "territory_consent"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    property_id: Mapped[uuid.UUID]
    grantee_kind: Mapped[str] = mapped_column(Text)
    grantee_id: Mapped[uuid.UUID]
    """The merchant or property; for the operator and for anyone the district."""
    note: Mapped[str] = mapped_column(Text, server_default="")
    granted_at: Mapped[datetime]
    granted_role: Mapped[str] = mapped_column(Text)
    granted_by: Mapped[uuid.UUID]
    """The account; a plain id."""
    withdrawn_at: Mapped[datetime | None]
    withdrawn_role: Mapped[str | None] = mapped_column(Text)
    withdrawn_by: Mapped[uuid.UUID | None]
    withdraw_reason: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "property_id"], ["property.district_id", "property.id"], ondelete="CASCADE"
        ),
        Index(
            "uq_territory_consent_standing",
            "district_id",
            "property_id",
            "grantee_kind",
            "grantee_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )


class FundingShare(Base):
    """Who bears how much of what a campaign gives; a campaign without shares is borne by its owner."""

    __tablename__ = "funding_share"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[uuid.UUID]
    party_kind: Mapped[str] = mapped_column(Text)
    """merchant, property, platform or sponsor."""
    party_id: Mapped[uuid.UUID | None]
    """None: the merchant that redeems, the property in which it redeems, or the platform."""
    party_name: Mapped[str] = mapped_column(Text, server_default="")
    """What a sponsor is called."""
    permille: Mapped[int] = mapped_column(SmallInteger)
    """Thousandths of the value; those of a campaign are 1,000 together."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
        CheckConstraint("permille BETWEEN 1 AND 1000", name="permille_range"),
        CheckConstraint(
            "party_kind IN ('merchant', 'property', 'platform', 'sponsor')", name="party_kind_known"
        ),
        Index(None, "district_id", "campaign_id"),
    )


class JointEvent(Base):
    """A campaign of the operator that merchants enrol their stores in, up to a date."""

    __tablename__ = "joint_event"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    enrol_until: Mapped[datetime]
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Trades that may enrol; empty: all."""
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What a merchant agrees to by enrolling, in the languages that it was given in."""
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"], ondelete="CASCADE"
        ),
    )


class JointEnrolment(Base):
    """A store that takes part in a joint event."""

    __tablename__ = "joint_enrolment"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[uuid.UUID]
    enrolled_at: Mapped[datetime]
    enrolled_by: Mapped[uuid.UUID]
    """The account; a plain id."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["joint_event.district_id", "joint_event.campaign_id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["district_id", "store_id"], ["store.district_id", "store.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"]),
        Index(None, "district_id", "merchant_id"),
    )


class JoinIncentive(Base):
    """What the operator gives to people who join the Wi-Fi, once to each."""

    __tablename__ = "join_incentive"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    nth: Mapped[int] = mapped_column(server_default="1")
    """On which join; 1: the first."""
    kind: Mapped[str] = mapped_column(Text)
    """coupon, red_packet, points or plan."""
    campaign_id: Mapped[uuid.UUID | None]
    """The operator's campaign that the coupon, the red packet or the points are of."""
    plan_id: Mapped[uuid.UUID | None]
    """The faster plan."""
    plan_for_s: Mapped[int | None]
    """How long the plan is had, from the join that brought it."""
    needs_contact: Mapped[bool] = mapped_column(server_default=text("true"))
    """Only who proved a number, an address or an account: a device alone can change its address and join again."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["district_id", "campaign_id"], ["campaign.district_id", "campaign.id"]),
        ForeignKeyConstraint(["district_id", "plan_id"], ["plan.district_id", "plan.id"]),
        CheckConstraint("nth >= 1", name="nth_from_one"),
        CheckConstraint(
            "CASE WHEN kind IN ('coupon', 'red_packet', 'points') THEN campaign_id IS NOT NULL"
            " WHEN kind = 'plan' THEN plan_id IS NOT NULL AND plan_for_s > 0 ELSE false END",
            name="gives_something",
        ),
    )


class JoinReward(Base):
    """What one person got for joining: the key makes it once."""

    __tablename__ = "join_reward"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    incentive_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    wifi_session_id: Mapped[uuid.UUID]
    """The join that brought it; a plain id."""
    until: Mapped[datetime | None]
    """Until when the plan is had."""
    offer_id: Mapped[uuid.UUID | None]
    """A plain id."""
    refused: Mapped[str | None] = mapped_column(Text)
    """Why there was no coupon: sold_out or paused."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "incentive_id"], ["join_incentive.district_id", "join_incentive.id"]
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
    )
