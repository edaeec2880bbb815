"""Answers of the wallet."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class ShownState(StrEnum):
    """Where an offer stands for its member; expiry is read from its last instant."""

    RESERVED = "reserved"
    ISSUED = "issued"
    OPENED = "opened"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    VOID = "void"


class OfferOut(BaseModel):
    """An offer in the member's wallet."""

    id: uuid.UUID
    campaign_id: uuid.UUID
    state: ShownState
    kind: str
    code: str | None = Field(
        description="What a till reads; null for a message without a coupon, and for what is not claimed yet"
    )
    value: dict[str, Any]
    title: str
    text: str
    why: str
    valid_from: datetime
    valid_until: datetime
    redeemed_at: datetime | None
    reserved_until: datetime | None = Field(description="Of what is held for the member: how long at least")
    store_ids: list[uuid.UUID]


class OfferPage(BaseModel):
    """Offers, the newest first, and the ``after`` of the next page."""

    items: list[OfferOut]
    next: uuid.UUID | None
