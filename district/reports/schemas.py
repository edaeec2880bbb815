"""A campaign's report as programs read it."""

import uuid
from datetime import datetime
from enum import IntEnum, StrEnum

from pydantic import BaseModel, Field

from push.early_stop import StoppedBy


class Window(IntEnum):
    """For how many hours after an exposure what a member does is counted."""

    HALF_DAY = 12
    DAY = 24
    TWO_DAYS = 48
    THREE_DAYS = 72
    WEEK = 168


class Outcome(StrEnum):
    """What a member of either arm may do."""

    VISIT = "visit"
    REDEMPTION = "redemption"
    PURCHASE = "purchase"
    NEW_CUSTOMER = "new_customer"


class Reason(StrEnum):
    """Why a figure is not there."""

    NOBODY_TREATED = "nobody_treated"
    NO_CONTROL = "no_control"
    TOO_FEW = "too_few"
    SPLIT = "split"
    NO_HISTORY = "no_history"
    NO_PURCHASES = "no_purchases"
    NO_LIFT = "no_lift"
    UNBOUNDED = "unbounded"


class Estimate(BaseModel):
    """A figure and the bounds that hold the truth 95 times of 100."""

    estimate: float
    low: float
    high: float


class ArmOut(BaseModel):
    """One arm: how many, how many of them did it. Null: fewer than ``k`` people."""

    people: int | None
    did: int | None
    share: Estimate | None


class EffectOut(BaseModel):
    """One outcome of both arms, and what the campaign added."""

    outcome: Outcome
    name: str
    definition: str
    treated: ArmOut
    control: ArmOut
    difference: Estimate | None = Field(description="Share of the treated less that of the control")
    relative: float | None
    additional: Estimate | None = Field(description="Members who did it and would not have")
    is_certain: bool | None = Field(description="Whether the interval keeps clear of zero")
    smallest_detectable: float | None
    reason: Reason | None = None
    reason_text: str | None = None


class SplitOut(BaseModel):
    """Whether the arms have the sizes that the hold-out asks for."""

    expected_control_share: float | None
    p_value: float | None
    is_trusted: bool


class FunnelOut(BaseModel):
    """Members, step by step. ``visited`` counts observed people; the rest are the campaign's own acts."""

    targeted: int | None
    control: int | None
    district_control: int | None
    treated: int
    sent: int
    delivered: int
    opened: int
    visited: int | None
    redeemed: int


class MeanOut(BaseModel):
    """A difference of means a member, plain and less what earlier behaviour explains (CUPED)."""

    plain: Estimate | None
    adjusted: Estimate | None
    reason: Reason | None = None
    reason_text: str | None = None


class UnitCostOut(BaseModel):
    """What one more cost. A bound of null is open: the interval of the lift reaches zero."""

    estimate_minor: float | None
    low_minor: float | None
    high_minor: float | None
    reason: Reason | None = None
    reason_text: str | None = None


class MoneyOut(BaseModel):
    """What it cost, by the ledger, and what it brought, by purchases that members linked."""

    currency: str
    cost_minor: int = Field(description="Booked discounts less reversals, of all offers")
    measured_cost_minor: int = Field(description="The part of offers that stand in the treated arm")
    unpriced_redemptions: int = Field(description="Uses whose discount the till did not say")
    spent_per_member_minor: MeanOut
    incremental_minor: Estimate | None
    net_minor: Estimate | None
    per_incremental_visit: UnitCostOut
    per_new_customer: UnitCostOut


class CreditedOut(BaseModel):
    """What last touch gives to the campaign: for settling, not for knowing what it caused."""

    redemptions: int
    visits: int | None
    purchases: int | None
    purchases_minor: int | None


class WinnerOut(BaseModel):
    """What went out instead; without an id those that the caller may not see, together."""

    campaign_id: uuid.UUID | None
    name: str | None
    members: int | None


class RefusalOut(BaseModel):
    """How often an offer was not made for one reason; null when fewer than ``k`` people stand behind it."""

    reason: str
    times: int | None
    members: int | None
    suppressed: bool
    winners: list[WinnerOut]


class EarlyStopOut(BaseModel):
    """What makes the campaign end by itself, and how far it is. Figures of fewer than ``k`` observed people are null."""

    redemptions_wanted: int | None
    new_customers_wanted: int | None
    is_harm_watched: bool
    opt_out_pct: float | None = Field(description="Ends when more than this are known to stop messages")
    looked_at: datetime | None = Field(description="When it was looked at last; null: not yet")
    redemptions: int | None
    new_customers: int | None
    opt_outs: int | None
    visits_p: float | None = Field(
        description="Chance of such a lack of visits without harm, at any of all looks"
    )
    opt_outs_p: float | None = Field(
        description="Chance of so many who stop, at any of all looks, were the share within its bound"
    )
    ends_at_p: float = Field(description="The chance from which on down it ends")
    stopped_by: StoppedBy | None
    stopped_text: str | None


class ReportOut(BaseModel):
    """What became of a campaign, and what it caused."""

    campaign_id: uuid.UUID
    as_of: datetime
    within_h: int
    k: int
    issued: int = Field(description="Offers made and not withdrawn before they arrived")
    withdrawn: int = Field(description="Offers that never left: consent, hours or campaign had changed")
    delivered: int = Field(description="Offers that arrived in the inbox")
    opened: int
    redeemed: int
    redemption_rate: Estimate | None = Field(description="Redeemed of issued, with Wilson's interval")
    funnel: FunnelOut
    pending: int | None = Field(description="Members whose window is not over yet")
    sample_ratio: SplitOut
    effects: list[EffectOut]
    visits_per_member: MeanOut
    money: MoneyOut
    credited: CreditedOut
    early_stop: EarlyStopOut | None = Field(description="Null: its rule names no early stop")
    refusals: list[RefusalOut]
