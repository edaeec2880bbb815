"""Bodies and answers of the campaign routes. Rule and offer are checked by push, part by part."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from geo.datum import Datum
from push.campaign import CampaignAction, CampaignState

Document = dict[str, Any]  # JSON whose shape push.campaign_document checks
Stores = Annotated[list[uuid.UUID], Field(min_length=1, max_length=200)]
Stock = Annotated[int, Field(ge=0, le=100_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=120)]


class _Closed(BaseModel):
    """A body in which an unknown member is an error: a misspelt one must not be lost silently."""

    model_config = ConfigDict(extra="forbid")


class NewCampaign(_Closed):
    """What a campaign is made from."""

    name: Name
    store_ids: Stores
    rule: Document
    offer: Document
    stock: Stock | None = Field(default=None, description="How many offers may be issued; null: no limit")
    merchant_id: uuid.UUID | None = Field(
        default=None, description="For operators: the merchant that the campaign belongs to"
    )
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    crs: Datum = Field(default=Datum.WGS84, description="Datum of the drawn fence; stored as WGS-84")


class CampaignChange(_Closed):
    """What to change; ``version`` is the one that the caller has seen. Absent members stay."""

    version: int
    name: Name | None = None
    store_ids: Stores | None = None
    rule: Document | None = None
    offer: Document | None = None
    stock: Stock | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    crs: Datum = Datum.WGS84


class Move(_Closed):
    """A step of a campaign's life; with a version only if it still is that one."""

    version: int | None = None
    reason: str = Field(default="", max_length=500, description="For reject: what the merchant should change")


class CampaignOut(BaseModel):
    """A campaign as its owner and the operator see it."""

    id: uuid.UUID
    version: int
    state: CampaignState
    merchant_id: uuid.UUID
    name: str
    store_ids: list[uuid.UUID]
    rule: Document
    offer: Document
    fence: Document = Field(description="GeoJSON of what where.within came to, WGS-84")
    stock: int | None
    issued: int
    reject_reason: str
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    changed_at: datetime
    allows: list[CampaignAction] = Field(description="What the caller may do next")


class CampaignPage(BaseModel):
    """Some campaigns, the oldest first, and the ``after`` of the next page."""

    items: list[CampaignOut]
    next: uuid.UUID | None
