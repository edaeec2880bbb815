"""Bodies and answers of joint events."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from district.campaigns.schemas import Document, Name, Stock, Stores
from district.districts.text import OptionalName
from geo.datum import Datum
from push.campaign_life import CampaignState

Trade = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Terms = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]


class PartyKind(StrEnum):
    """Who may bear a share."""

    MERCHANT = "merchant"
    PROPERTY = "property"
    PLATFORM = "platform"
    SPONSOR = "sponsor"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ShareIn(_Closed):
    """One party's share of what the event gives."""

    party_kind: PartyKind
    party_id: uuid.UUID | None = Field(
        default=None,
        description="A merchant or property; null: whichever redeems, or in which it is redeemed",
    )
    name: OptionalName = Field(default="", description="What a sponsor is called")
    permille: int = Field(ge=1, le=1000, description="Thousandths; all together are 1000")


class NewJointEvent(_Closed):
    """A joint event to open."""

    name: Name
    rule: Document
    offer: Document
    stock: Stock | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    enrol_until: AwareDatetime = Field(description="Stores enrol and leave until then; not after the start")
    categories: list[Trade] = Field(
        default=[], max_length=50, description="Trades that may enrol; empty: all"
    )
    terms: dict[str, Terms] = Field(default={}, description="What enrolling means, by language: zh, en")
    funding: list[ShareIn] = Field(min_length=1, max_length=20)
    crs: Datum = Field(default=Datum.WGS84, description="Datum of the drawn fence; stored as WGS-84")

    @model_validator(mode="after")
    def _languages_are_known(self) -> Self:
        if set(self.terms) - {"zh", "en"}:
            raise ValueError("terms are written in zh and en")
        return self


class Enrolment(_Closed):
    """Stores that take part."""

    store_ids: Stores


class ShareOut(BaseModel):
    """One party's share."""

    party_kind: PartyKind
    party_id: uuid.UUID | None
    name: str
    permille: int


class JointEventOut(BaseModel):
    """A joint event as staff see it; ``id`` is its campaign's."""

    id: uuid.UUID
    name: str
    state: CampaignState
    version: int
    starts_at: datetime | None
    ends_at: datetime | None
    enrol_until: datetime
    is_open: bool = Field(description="Whether stores may enrol now")
    categories: list[str]
    terms: dict[str, Any]
    rule: Document
    offer: Document
    stock: int | None
    funding: list[ShareOut]
    stores: int = Field(description="How many are enrolled")
    merchants: int
    store_ids: list[uuid.UUID] = Field(description="Enrolled: the caller's own; the operator sees all")


class JointEventList(BaseModel):
    """Joint events, the newest first."""

    items: list[JointEventOut]
