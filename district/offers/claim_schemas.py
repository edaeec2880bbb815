"""Bodies and answers of claiming, the offer centre, drops and posters."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from district.offers.claims import Source
from district.offers.drops import TicketState
from district.offers.schemas import OfferOut
from push.offer import ClaimMode

Token = Annotated[str, Field(min_length=16, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class ClaimBody(BaseModel):
    """What a claim may bring along."""

    model_config = ConfigDict(extra="forbid")

    token: Token | None = Field(default=None, description="What the code on a poster holds after its dot")


class TicketOut(BaseModel):
    """A place in the queue of a drop."""

    state: TicketState
    number: int = Field(description="Grows with each arrival; the order of service")
    ahead: int = Field(description="How many who wait came earlier; 0 when he waits no more")
    offer_id: uuid.UUID | None = Field(description="What he got")
    joined_at: datetime


class ClaimOut(BaseModel):
    """What became of a claim. Exactly one of ``offer`` and ``ticket`` is null, unless the queue has been served already."""

    source: Source = Field(description="Where the offer came from")
    offer: OfferOut | None
    ticket: TicketOut | None


class ClaimableStore(BaseModel):
    """Where a claimable offer can be used; the nearest first."""

    id: uuid.UUID
    name: str
    category: str
    floor: str | None
    lon: float
    lat: float
    distance_m: float | None = Field(description="Geodesic, from the asked position; null without one")


class ClaimableOut(BaseModel):
    """An offer that anybody may claim. ``id`` is what to claim."""

    id: uuid.UUID
    kind: str
    mode: ClaimMode
    value: dict[str, Any] = Field(
        description="Of an in-store price only the type: the shop's own code tells it"
    )
    title: str
    text: str
    opens_at: datetime | None
    closes_at: datetime | None
    has_stock: bool
    left: int | None = Field(description="How many are left; null: as many as are asked for")
    needs_poster: bool = Field(description="Claimed by scanning the code in the shop")
    per_member: int
    stores: list[ClaimableStore] = Field(max_length=5)


class ClaimablePage(BaseModel):
    """Claimable offers, and the ``after`` of the next page."""

    items: list[ClaimableOut]
    next: uuid.UUID | None


class LinkOut(BaseModel):
    """The address that a poster's QR code holds."""

    url: str
    token: str
