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
        description="What a till reads; null for a message without a coupon, for what is not claimed yet, and for an offer"
        " whose code rotates"
    )
    qr: str | None = Field(
        default=None,
        description="Of one offer that can be used now: the signed code to show as a QR code, until ``qr_expires_at``",
    )
    qr_expires_at: datetime | None = Field(
        default=None, description="Machine time; ask again then: a till refuses an older code"
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
