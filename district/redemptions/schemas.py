"""Bodies and answers of tills."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MOST_MINOR = 10**12
RequestNumber = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class Use(BaseModel):
    """A code shown at a till. ``at`` is the till's own clock: kept, not trusted, and no part of what is repeated."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=128)]
    store_id: uuid.UUID | None = Field(default=None, description="Default: the store that the key stands for")
    use_request_no: RequestNumber = Field(description="Unique for the till; a repeat gets the same answer")
    at: AwareDatetime | None = None
    bill_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)] | None = Field(
        default=None,
        description="The bill before the offer, in minor units: a percentage is taken of it, and a threshold held to it",
    )


class Used(BaseModel):
    """The stored answer."""

    redemption_id: uuid.UUID
    offer_id: uuid.UUID
    value: dict[str, Any]
    redeemed_at: datetime
    discount_minor: int | None = Field(
        default=None,
        description="What it takes off and is settled for; null for a percentage of an unknown bill",
    )


class Return(BaseModel):
    """A redemption to be taken back."""

    model_config = ConfigDict(extra="forbid")

    return_request_no: RequestNumber


class Returned(BaseModel):
    """The reversal, a row of its own."""

    reversal_id: uuid.UUID
    redemption_id: uuid.UUID
    reversed_at: datetime
