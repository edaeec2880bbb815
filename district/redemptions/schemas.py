"""Bodies and answers of tills."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MOST_MINOR = 10**12
MOST_CODE = 512
"""A signed code has some 210 letters and digits; scanners add blanks."""
CodeText = Annotated[str, Field(min_length=1, max_length=MOST_CODE)]
RequestNumber = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class Use(BaseModel):
    """A code shown at a till. ``at`` is the till's own clock: kept, not trusted, and no part of what is repeated."""

    model_config = ConfigDict(extra="forbid")

    code: CodeText = Field(
        description="What was scanned or typed: the code of the member's page, its typed code, or the coupon's lasting code"
    )
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


class NumberBody(BaseModel):
    """Where the till stands, when its key does not say."""

    model_config = ConfigDict(extra="forbid")

    store_id: uuid.UUID | None = Field(default=None, description="Default: the store that the key stands for")


class NumberOut(BaseModel):
    """The number that a till shows; machine times."""

    number: str = Field(description="6 digits")
    shown_until: datetime = Field(description="Ask again then: the next one is to be shown")
    valid_until: datetime = Field(description="Members may still type it so long")


class Unlock(BaseModel):
    """The number of the till at which the member stands."""

    model_config = ConfigDict(extra="forbid")

    till_number: Annotated[str, Field(min_length=1, max_length=32)]


class Unlocked(BaseModel):
    """A code to be typed at that till, once."""

    typed_code: str = Field(description="8 letters and digits in two groups")
    expires_at: datetime = Field(description="Machine time; the coupon is held for that till until then")
    store_id: uuid.UUID


class CodeKeyOut(BaseModel):
    """A public key that codes of members' pages are signed with; machine times."""

    key_id: int = Field(description="As it stands in each code")
    algorithm: str = "Ed25519"
    public_key: str = Field(description="32 bytes, base64url without padding")
    signs_from: datetime
    retires_at: datetime | None = Field(description="What it signed is refused from then on")


class CodeKeysOut(BaseModel):
    """The keys that are believed now, the newest first."""

    keys: list[CodeKeyOut]
    district_id: uuid.UUID = Field(description="A part of what is signed")
    now: datetime = Field(description="The server's machine time: a till measures its skew by it")


class RotateBody(BaseModel):
    """Which kind of change."""

    model_config = ConfigDict(extra="forbid")

    at_once: bool = Field(
        default=False,
        description="For a key that others may know: the new one signs now, and no other is believed any more. Default: it is"
        " told to tills a day before it signs",
    )
