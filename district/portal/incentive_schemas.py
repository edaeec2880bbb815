"""Bodies and answers of join incentives."""

import uuid
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from district.campaigns.schemas import Document, Name, Stock, Stores
from district.portal.incentives import Reward

MOST_SECONDS = 366 * 86_400


class NewIncentive(BaseModel):
    """What is given to people who join: a coupon, a red packet or points of the operator, or a faster plan for a while."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    nth: int = Field(default=1, ge=1, le=1000, description="On which join, the person's first being 1")
    kind: Reward
    needs_contact: bool = Field(
        default=True,
        description="Only who has proved a number, an address or an account; a device alone can join anew for ever",
    )
    offer: Document | None = Field(
        default=None, description="For coupon, red_packet and points: as in a campaign, without a claim"
    )
    stock: Stock | None = Field(
        default=None, description="For what an offer gives: how many there are; null: no limit"
    )
    store_ids: Stores | None = Field(default=None, description="For coupon: where it is redeemed")
    ttl_s: int = Field(default=86_400, ge=60, le=86_400, description="For coupon: how long it is valid")
    plan: str | None = Field(default=None, max_length=64, description="For plan: its slug")
    plan_for_s: int | None = Field(
        default=None, ge=60, le=MOST_SECONDS, description="For plan: how long it is had"
    )
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        is_coupon = self.kind is not Reward.PLAN
        of_coupon, of_plan = (self.offer, self.store_ids), (self.plan, self.plan_for_s)
        wanted, other = (of_coupon, of_plan) if is_coupon else (of_plan, of_coupon)
        if None in wanted or any(one is not None for one in other):
            raise ValueError(
                "coupon, red_packet and points need offer and store_ids; plan needs plan and plan_for_s; neither the"
                " other's"
            )
        wrong = {
            Reward.RED_PACKET: {"red_packet"},
            Reward.POINTS: {"points"},
            Reward.COUPON: {"coupon", "red_packet"},
        }
        if is_coupon and (self.offer or {}).get("kind") not in wrong[self.kind]:
            raise ValueError("the offer's kind must be that of the incentive")
        return self


class IncentiveOut(BaseModel):
    """An incentive, and how many people got it."""

    id: uuid.UUID
    name: str
    nth: int
    kind: Reward
    needs_contact: bool
    campaign_id: uuid.UUID | None = Field(description="The operator's campaign that the coupon is of")
    plan: str | None
    plan_for_s: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    rewarded: int
    waiting: int = Field(description="Coupons that are still to be given")
    refused: int = Field(description="Coupons that there were none left of")
