"""Points as operators, tills and members send and see them."""

import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from district.points.models import MovementKind

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Several = Annotated[int, Field(ge=1, le=1_000_000)]
RequestNumber = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class RuleBody(BaseModel):
    """What earns points in a district, and what one point pays."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    is_on: bool = False
    value_minor: Several = Field(default=1, description="What one point pays; fixed while points are out")
    life_days: Annotated[int, Field(ge=31, le=3_660)] = Field(default=365, description="After that they end")
    per_visit: Count = 0
    visits_per_day: Annotated[int, Field(ge=0, le=100)] = Field(
        default=1, description="How many visits of a trading day earn"
    )
    per_redemption: Count = 0
    minor_units_per_point: Several | None = Field(
        default=None, description="A purchase earns a point for each of so many minor units; null: none"
    )
    most_per_purchase: Count = 1_000
    most_per_day: Count = Field(
        default=5_000, description="Of one member and trading day, whatever earns them"
    )
    merchant_ids: Annotated[list[uuid.UUID], Field(max_length=2_000)] | None = Field(
        default=None, description="Whose tills take points; null: all"
    )


class EndingMonth(BaseModel):
    """What members hold that ends in one month."""

    month: date = Field(description="Its first day, by the district's calendar")
    points: int
    worth_minor: int


class OutstandingOut(BaseModel):
    """What members hold, and what is owed for it."""

    points: int = Field(description="Held by members and not spent")
    debt: int = Field(description="Taken back after they had been spent: what comes next pays them")
    value_minor: int
    owed_minor: int = Field(description="points less debt, times value_minor: points_liability of the books")
    months: list[EndingMonth] = Field(description="What of it ends when, the soonest first")


class PassOut(BaseModel):
    """A code that shows a till who stands there."""

    code: str
    expires_at: datetime = Field(description="Machine time")


class Ending(BaseModel):
    """Points that end on the same day."""

    points: int
    at: datetime


class MovementOut(BaseModel):
    """One change of the balance."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    kind: MovementKind
    points: int
    balance: int
    store_id: uuid.UUID | None
    expires_at: datetime | None
    at: datetime


class PointsOut(BaseModel):
    """A member's points. Below zero: what was taken back had been spent already."""

    balance: int
    worth_minor: int = Field(description="What the balance pays, in minor units; never below zero")
    value_minor: int
    currency: str
    endings: list[Ending] = Field(description="What ends next, at most ten")
    items: list[MovementOut] = Field(description="The newest first")
    next: uuid.UUID | None


class SpendBody(BaseModel):
    """A part payment with points."""

    model_config = ConfigDict(extra="forbid")

    pass_code: Annotated[str, Field(min_length=1, max_length=128)]
    points: Several
    use_request_no: RequestNumber
    store_id: uuid.UUID | None = Field(default=None, description="Default: the store that the key stands for")
    bill_minor: Annotated[int, Field(ge=0, le=10**12)] | None = Field(
        default=None, description="What is to be paid: points pay no more than that"
    )


class SpendOut(BaseModel):
    """The stored answer."""

    spend_id: uuid.UUID
    points: int
    amount_minor: int
    at: datetime


class ReturnBody(BaseModel):
    """A part payment to be undone."""

    model_config = ConfigDict(extra="forbid")

    return_request_no: RequestNumber


class ReturnOut(BaseModel):
    """The part payment, undone."""

    spend_id: uuid.UUID
    points: int
    returned_at: datetime
