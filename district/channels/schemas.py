"""Bodies and answers about providers and the order of channels."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.channels.kinds.kind import Beside
from district.districts.service import SLUG_PATTERN
from push.consent import Channel
from push.routing import DEFAULT_ORDER

MOST_MICRO = 10**9
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
Document = Annotated[dict[str, Any], Field(max_length=40)]


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weight: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Its share of the channel's messages, beside the weights of the others"
    )
    in_flight: Annotated[int, Field(ge=1, le=500)] = 16
    per_s: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        default=None, description="Messages a second that it allows, for each worker; null: no limit"
    )
    cost_micro: Annotated[int, Field(ge=0, le=MOST_MICRO)] = Field(
        default=0, description="Price of a message or part, in millionths of the district's currency unit"
    )
    is_on: bool = True


class NewProvider(_Limits):
    """A provider. What its options and secrets hold, its kind says: ``GET /v1/channel-kinds``."""

    slug: Slug
    kind: str = Field(max_length=40)
    name: Name
    options: Document = {}
    secrets: Document = Field(default={}, description="Kept sealed and never shown again")


class ProviderChange(BaseModel):
    """What changes; what is left out stays. Secrets are given whole."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    options: Document | None = None
    secrets: Document | None = None
    weight: Annotated[int, Field(ge=1, le=1000)] | None = None
    in_flight: Annotated[int, Field(ge=1, le=500)] | None = None
    per_s: Annotated[float, Field(gt=0, le=100_000)] | None = None
    cost_micro: Annotated[int, Field(ge=0, le=MOST_MICRO)] | None = None
    is_on: bool | None = None


class ProviderView(BaseModel):
    """A provider as operators see it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    slug: str
    channel: str
    kind: str
    name: str
    options: dict[str, Any]
    weight: int
    in_flight: int
    per_s: float | None
    cost_micro: int
    is_on: bool
    success: float | None
    paused_until: datetime | None
    pause_reason: str


class KindView(BaseModel):
    """A kind of provider, with the JSON schemas of what it wants to know."""

    name: str
    channel: Channel | Beside
    title: str
    options: dict[str, Any]
    secrets: dict[str, Any]
    has_receipts: bool


class DnsRecordView(BaseModel):
    """A record to enter in the DNS. A zone file has a long TXT value in pieces of 255 letters, each in quotes."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    type: str
    value: str
    about: str = Field(description="What it is for: spf, dkim, dmarc, or returns of messages")


class DnsRecords(BaseModel):
    """Every record of one provider; none where its messages need none."""

    items: list[DnsRecordView]
    next: None = None


class SuppressedAddress(BaseModel):
    """A number or e-mail address from which messages came back. state gone: it gets none any more."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    member_id: uuid.UUID
    channel: str
    address: str
    state: str
    reason: str
    failures: int
    failed_at: datetime | None
    created_at: datetime


class SuppressedAddresses(BaseModel):
    """The newest first; ``next`` is the ``before`` of the following page."""

    items: list[SuppressedAddress]
    next: uuid.UUID | None


class ChannelOrder(BaseModel):
    """In which order channels ring; what is left out is not used. null: by cost and success."""

    model_config = ConfigDict(extra="forbid")

    order: Annotated[list[Channel], Field(max_length=len(DEFAULT_ORDER))] | None
