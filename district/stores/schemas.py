"""Stores, tills and keys as staff send and see them."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from district.auth.models import Role
from district.districts.text import Address, Floor, Label, Name, OptionalName, clean
from geo.datum import Datum
from geo.hours import TEXT_LIMIT

Hours = Annotated[str, StringConstraints(max_length=TEXT_LIMIT), AfterValidator(clean)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class StoreWords(BaseModel):
    """What a store says of itself; null takes what the imported place says."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    name_zh: OptionalName | None = None
    category: Label | None = None
    brand: OptionalName | None = None
    opening_hours: Hours | None = Field(default=None, description="OpenStreetMap's opening_hours")
    floor: Floor | None = None
    address: Address | None = None


class StoreChange(StoreWords):
    """What to change; what is left out stays. The fields from ``merchant_id`` on are the operator's."""

    member_price_percent: int | None = Field(
        default=None, ge=0, le=90, description="What every member pays less here, without a coupon"
    )
    merchant_id: uuid.UUID | None = None
    property_id: uuid.UUID | None = None
    lon: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    crs: Datum = Datum.WGS84

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("give lon and lat together")
        return self


class NewStore(StoreChange):
    """A store to be made; without a ``ref`` it is given one. It needs a position, unless its ref was imported."""

    ref: Ref | None = None


class StoreView(BaseModel):
    """A store as its staff see it; ``overrides`` names what it says itself, the rest is imported."""

    id: uuid.UUID
    ref: str
    merchant_id: uuid.UUID | None
    property_id: uuid.UUID | None
    name: str
    name_zh: str
    category: str
    brand: str
    opening_hours: str
    floor: str | None
    address: str
    lon: float | None
    lat: float | None
    member_price_percent: int = 0
    overrides: list[str]
    closed_at: datetime | None
    created_at: datetime


class NewTill(BaseModel):
    """A till to be made."""

    model_config = ConfigDict(extra="forbid")

    store_id: uuid.UUID
    name: Name
    floor: Floor | None = None


class TillChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    floor: Floor | None = None


class TillView(BaseModel):
    """A till."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    store_id: uuid.UUID
    name: str
    floor: str | None
    created_at: datetime


class NewKey(BaseModel):
    """A key to be made: of a till or feed (``scope_id``), or of RADIUS servers."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    label: Label = ""
    scope_id: uuid.UUID | None = Field(
        default=None, validation_alias=AliasChoices("scope_id", "till_id", "feed_id")
    )


class KeyView(BaseModel):
    """A key, without its text."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    role: Role
    label: str
    scope_id: uuid.UUID | None
    created_at: datetime
    revoked_at: datetime | None


class MadeKey(KeyView):
    """A key just made; ``key`` is shown now and never again."""

    key: str
