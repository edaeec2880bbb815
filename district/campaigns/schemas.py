"""Bodies and answers of the campaign routes. Rule and offer are checked by push, part by part."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from geo.datum import Datum
from push.campaign_changes import Kind
from push.campaign_life import CampaignAction, CampaignState

Document = dict[str, Any]  # JSON whose shape push.campaign_document checks
MOST_STORES = 200
Stores = Annotated[list[uuid.UUID], Field(min_length=1, max_length=MOST_STORES)]
Stock = Annotated[int, Field(ge=0, le=100_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=120)]


class _Closed(BaseModel):
    """A body in which an unknown member is an error: a misspelt one must not be lost silently."""

    model_config = ConfigDict(extra="forbid")


class OwnerKind(StrEnum):
    """Who owns a campaign: one store, all stores of a merchant, a property, or the operator."""

    STORE = "store"
    CHAIN = "chain"
    PROPERTY = "property"
    OPERATOR = "operator"


class OwnerIn(_Closed):
    """Whose a new campaign is to be."""

    kind: OwnerKind
    id: uuid.UUID | None = Field(
        default=None, description="The store, merchant or property; left out: the caller's own"
    )


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
    owner: OwnerIn | None = Field(
        default=None,
        description="Left out: the merchant's or property's own; operators name it or merchant_id",
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
    reason: str = Field(
        default="",
        max_length=500,
        description="For reject: what should change; for pause: why. Kept in the history",
    )


class PendingOut(BaseModel):
    """A version that waits for approval while the approved one goes on."""

    version: int
    name: str
    store_ids: list[uuid.UUID]
    rule: Document
    offer: Document
    fence: Document
    starts_at: datetime | None
    ends_at: datetime | None


class CampaignOut(BaseModel):
    """A campaign as its owner and the operator see it."""

    id: uuid.UUID
    version: int = Field(description="What a change must name; grows with each")
    state: CampaignState
    owner_kind: OwnerKind
    merchant_id: uuid.UUID | None
    property_id: uuid.UUID | None
    content_version: int = Field(description="The version that rule, offer and stores are of")
    pending: PendingOut | None = Field(description="The change that waits for approval")
    name: str
    store_ids: list[uuid.UUID]
    rule: Document
    offer: Document
    fence: Document = Field(description="GeoJSON of what where.within came to, WGS-84")
    stock: int | None
    issued: int
    reject_reason: str
    pause_reason: dict[str, str] | None = Field(description="Why it was paused, by language")
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    changed_at: datetime
    allows: list[CampaignAction] = Field(description="What the caller may do next")


class CampaignPage(BaseModel):
    """Some campaigns, the oldest first, and the ``after`` of the next page."""

    items: list[CampaignOut]
    next: uuid.UUID | None


class EventOut(BaseModel):
    """Something that was done to a campaign."""

    id: uuid.UUID
    at: datetime
    what: str
    from_state: CampaignState | None
    to_state: CampaignState
    version: int = Field(description="Of the content that it was about")
    role: str = Field(description="Of who did it; clock: nobody")
    account_id: uuid.UUID | None
    who: str
    reason: dict[str, str]
    detail: Document


class HistoryPage(BaseModel):
    """What was done to a campaign, the oldest first, and the ``after`` of the next page."""

    items: list[EventOut]
    next: uuid.UUID | None


class DifferenceOut(BaseModel):
    """One place in which two versions differ."""

    pointer: str
    kind: Kind
    before: Any
    after: Any
    words: dict[str, str] = Field(description="What changed, by language")


class ComparisonOut(BaseModel):
    """What differs between two versions of a campaign."""

    before_version: int
    after_version: int
    differences: list[DifferenceOut]
    fence_before: Document = Field(description="GeoJSON, WGS-84")
    fence_after: Document
