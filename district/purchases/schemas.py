"""Purchases and their sources as tills, operators and members send and see them."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from district.districts.service import SLUG_PATTERN
from district.districts.text import Name, OptionalName

Reference = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Amount = Annotated[int, Field(ge=1, le=10**12, description="Minor units of the district's currency")]
Pem = Annotated[str, Field(min_length=100, max_length=8_000)]
Serial = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
PublicKeys = Annotated[
    dict[Serial, Pem],
    Field(
        min_length=1, max_length=4, description="RSA public keys (PEM) of the platform by their serial number"
    ),
]


class PurchaseBody(BaseModel):
    """What a till sold. Only a purchase with a member's pass is kept."""

    model_config = ConfigDict(extra="forbid")

    notice_id: Reference = Field(description="Unique for the till; a repeat gets the same answer")
    amount_minor: Amount
    at: AwareDatetime
    pass_code: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    store_id: uuid.UUID | None = Field(default=None, description="Default: the store that the key stands for")


class RefundBody(BaseModel):
    """What a till gave back of a purchase that it told."""

    model_config = ConfigDict(extra="forbid")

    notice_id: Reference = Field(description="Of this refund")
    purchase_notice_id: Reference = Field(description="Of the purchase")
    amount_minor: Amount
    at: AwareDatetime


class Taken(BaseModel):
    """The stored answer. What is not linked to a member is counted, and nothing of it kept."""

    is_linked: bool
    purchase_id: uuid.UUID | None = None
    points: int = Field(default=0, description="Earned; below zero: taken back")


class SourceBody(BaseModel):
    """A payment provider that sends signed notices, in the shape of WeChat Pay's smart business circle."""

    model_config = ConfigDict(extra="forbid")

    slug: Annotated[str, Field(pattern=SLUG_PATTERN)]
    name: Name
    public_keys: PublicKeys
    api_key: Annotated[str, Field(min_length=32, max_length=32, pattern=r"^[\x21-\x7e]+$")] = Field(
        description="Key of the encrypted part; never shown again"
    )
    app_id: OptionalName = Field(
        default="", description="Only notices for this app are taken; empty: for any"
    )
    provider_id: uuid.UUID | None = Field(
        default=None, description="The log-in provider under whose subject (openid) its payers are members"
    )


class SourceChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    public_keys: PublicKeys | None = None
    is_disabled: bool | None = None


class SourceView(BaseModel):
    """A source, without its key."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    slug: str
    name: str
    app_id: str
    provider_id: uuid.UUID | None
    is_disabled: bool
    created_at: datetime
    serials: list[str]
    unlinked: int = Field(
        description="Notices of the last 28 trading days that were of nobody who linked himself"
    )


class LinkView(BaseModel):
    """A source whose notices of the member are kept."""

    source: str
    name: str
    linked_at: datetime


class PurchaseView(BaseModel):
    """A purchase of the member."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    store_id: uuid.UUID
    amount_minor: int
    refunded_minor: int
    at: datetime
