"""Bodies and answers of bills: what is shown at a till together, the best sum of it, and what was settled."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from district.redemptions.schemas import MOST_MINOR, CodeText, RequestNumber
from push.stacking import MAX_COUPONS, MAX_TOGETHER

MOST_POINTS = 1_000_000
Minor = Annotated[int, Field(ge=0, le=MOST_MINOR)]
Points = Annotated[int, Field(ge=1, le=MOST_POINTS)]
PassCode = Annotated[str, Field(min_length=1, max_length=128)]


class QuoteBody(BaseModel):
    """A bill, and all that its member has shown."""

    model_config = ConfigDict(extra="forbid")

    bill_minor: Minor = Field(description="The bill before anything comes off, in minor units")
    codes: Annotated[list[CodeText], Field(max_length=MAX_COUPONS)] = []
    store_id: uuid.UUID | None = Field(default=None, description="Default: the store that the key stands for")
    pass_code: PassCode | None = Field(
        default=None, description="The member's points pass: his member price, and points to pay with"
    )
    points: Points | None = Field(
        default=None, description="The most points to spend; default: as many as the pass's member has"
    )


class Refused(BaseModel):
    """A code that cannot be used here now, as a use of it alone would be answered."""

    index: int = Field(description="Place in `codes`")
    type: str
    title: str
    detail: str


class QuotedCoupon(BaseModel):
    """A coupon of the best sum."""

    index: int = Field(description="Place in `codes`")
    offer_id: uuid.UUID
    value: dict[str, Any]
    discount_minor: int
    held_until: datetime | None = Field(
        description="Machine time; until then this till may use it by the same code, which need not be fresh"
    )


class LeftOutCoupon(BaseModel):
    """A coupon that the best sum leaves out, and why."""

    index: int
    offer_id: uuid.UUID
    reason: str = Field(
        description="below_threshold, takes_nothing, too_many, not_with_coupons, not_with_member_price, not_with_points,"
        " no_better or another_member"
    )


class QuoteOut(BaseModel):
    """The best legal payment."""

    bill_minor: int
    due_minor: int = Field(description="Left to pay in money")
    member_price_percent: int = Field(description="What the store gives every member; 0: nothing")
    member_price_minor: int = Field(description="What of it comes off this bill; 0 where coupons forbid it")
    coupons: list[QuotedCoupon]
    left_out: list[LeftOutCoupon]
    refused: list[Refused]
    points: int
    points_minor: int
    points_balance: int | None = Field(description="Of the pass's member; null without a pass")


class BillBody(BaseModel):
    """Coupons and points to be used on one bill together, as a quote named them."""

    model_config = ConfigDict(extra="forbid")

    bill_minor: Minor
    codes: Annotated[list[CodeText], Field(max_length=MAX_TOGETHER)] = []
    store_id: uuid.UUID | None = Field(default=None, description="Default: the store that the key stands for")
    pass_code: PassCode | None = Field(default=None, description="Needed to spend points")
    points: Points | None = Field(default=None, description="Exactly so many are spent")
    use_request_no: RequestNumber = Field(description="Unique for the till; a repeat gets the same answer")
    at: AwareDatetime | None = None


class Part(BaseModel):
    """One coupon of the bill; taken back by its own reversal."""

    redemption_id: uuid.UUID
    offer_id: uuid.UUID
    value: dict[str, Any]
    discount_minor: int


class BillOut(BaseModel):
    """The stored answer."""

    bill_id: uuid.UUID
    bill_minor: int
    due_minor: int
    member_price_minor: int
    redemptions: list[Part]
    spend_id: uuid.UUID | None = Field(
        description="The part payment with points; returned by its own request"
    )
    points: int
    points_minor: int
    at: datetime
