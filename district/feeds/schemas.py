"""Feeds as operators send and see them."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from district.districts.service import SLUG_PATTERN
from geo.datum import Datum


class Vendor(StrEnum):
    """Whose form of sightings a feed sends."""

    SIGHTINGS = "sightings"
    MERAKI = "meraki"
    RADIUS = "radius"


class NewFeed(BaseModel):
    """A feed to be made. A Meraki feed without a secret is given one."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(pattern=SLUG_PATTERN)
    vendor: Vendor = Vendor.SIGHTINGS
    secret: str = Field(default="", max_length=128)
    validator: str = Field(default="", max_length=128)
    datum: Datum = Datum.WGS84


class FeedChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    secret: str | None = Field(default=None, min_length=8, max_length=128)
    validator: str | None = Field(default=None, max_length=128)
    datum: Datum | None = None
    is_disabled: bool | None = None


class FeedView(BaseModel):
    """A feed, without its secret."""

    id: str
    slug: str
    vendor: str
    validator: str
    datum: str
    created_at: datetime
    disabled_at: datetime | None
    rows_today: dict[str, int] = {}
    """Rows of the trading day by what became of them: accepted, duplicates, recorded, repeated, or the reason of a refusal."""


class MadeFeed(FeedView):
    """A feed just made: the only time that its secret is shown."""

    secret: str


class FeedPage(BaseModel):
    """Feeds by slug, and the ``after`` of the next page."""

    items: list[FeedView]
    next: str | None
