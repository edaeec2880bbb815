"""Bodies and answers of tills without a line."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from district.redemptions.offline_models import Bearer, Outcome
from district.redemptions.schemas import MOST_MINOR, RequestNumber
from push.signed_code import MAX_SYMBOLS

MOST_ENTRIES = 500
MOST_SEQ = 10**8
LONGEST_CODE = 2 * MAX_SYMBOLS
Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Told(StrEnum):
    """What a till is told of an entry."""

    REDEEMED = "redeemed"
    REPLAYED = "replayed"
    """It was brought in before: ``was`` says what became of it then."""
    CONFLICT = "conflict"
    REFUSED = "refused"


class Entry(BaseModel):
    """A coupon that a till took without a line."""

    model_config = ConfigDict(extra="forbid")

    seq: Annotated[int, Field(ge=1, le=MOST_SEQ, description="1, 2, 3 … within the journal, without gaps")]
    code: Annotated[str, Field(min_length=1, max_length=LONGEST_CODE)]
    bill_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)] | None = None
    at: AwareDatetime = Field(
        description="By the till's clock; kept, and believed only within the skew measured"
    )
    tried: RequestNumber | None = Field(
        default=None,
        description="The request number under which the till had asked before the line broke: if that use was booked, "
        "this is the same one",
    )
    mark: Mark = Field(
        description="Hex HMAC-SHA256 under the journal's key of `{mark before, or the journal's id}|{seq}|{code}|"
        "{bill_minor or empty}|{at in milliseconds since 1970}|{tried or empty}`"
    )

    @property
    def at_ms(self) -> int:
        """The till's time as its mark has it."""
        return round(self.at.timestamp() * 1000)


class Journal(BaseModel):
    """Entries of one device, in their order."""

    model_config = ConfigDict(extra="forbid")

    journal: uuid.UUID = Field(description="As the kit named it")
    sent_at: AwareDatetime = Field(description="The till's clock as it sends this")
    entries: Annotated[list[Entry], Field(min_length=1, max_length=MOST_ENTRIES)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        numbers = [one.seq for one in self.entries]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise ValueError("entries must be in order, without gaps")
        return self


class EntryOut(BaseModel):
    """What became of an entry."""

    seq: int
    outcome: Told
    was: Outcome | None = Field(
        default=None, description="Of a replayed entry: what became of it the first time"
    )
    reason: str = ""
    redemption_id: uuid.UUID | None = None
    offer_id: uuid.UUID | None = None
    value: dict[str, Any] | None = None
    discount_minor: int | None = None
    first_at: datetime | None = Field(
        default=None, description="Of a conflict: when the coupon was used first"
    )
    first_till: str | None = None
    charged_to: Bearer | None = Field(
        default=None, description="Who bears it against the campaign's own shares; null: nobody"
    )
    is_over_quota: bool = False
    is_clock_believed: bool = True


class JournalOut(BaseModel):
    """The answers, one for each entry, in the same order."""

    journal: uuid.UUID
    received_at: datetime
    rows: list[EntryOut]


class PublicKey(BaseModel):
    """A key that may have signed what a member shows; machine times."""

    id: int
    public: str = Field(description="32 bytes of Ed25519, base64")
    signs_from: datetime
    retires_at: datetime | None


class Quota(BaseModel):
    """What the device may take until it asks again."""

    uses: int
    minor_units: int


class Kit(BaseModel):
    """All that a device needs to take coupons without a line."""

    journal: uuid.UUID
    journal_key: str = Field(description="32 bytes, base64: the key of the entries' marks")
    last_seq: int
    last_mark: Mark | None
    district_id: uuid.UUID
    till: str
    store_id: uuid.UUID
    store_tag: str = Field(description="Hex, as it stands in signed codes")
    keys: list[PublicKey]
    gone: str = Field(
        description="Base64 of 8 bytes for each coupon of this store that is used or withdrawn: the second half of its id"
    )
    is_gone_complete: bool = Field(description="False when there were too many: then the quota is nothing")
    quota: Quota
    currency: str
    server_time: datetime = Field(description="Machine time, by which codes grow old")
    business_time: datetime = Field(description="By which coupons end")
    business_speed: float
    valid_until: datetime = Field(description="Machine time; then the list is too old")


class OfflinePolicyBody(BaseModel):
    """What an operator lets tills do without a line."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    version: Annotated[int, Field(ge=0, le=2**31 - 2)]
    most_value_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)] = Field(
        description="Campaigns whose offers can cost more are for tills with a line only"
    )
    most_uses: Annotated[int, Field(ge=0, le=10_000)] = Field(description="Of a till since it last asked")
    most_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)] = Field(description="Taken off by these together")
    list_age_s: Annotated[int, Field(ge=60, le=7 * 86_400)] = Field(
        description="How old a till's list of used and withdrawn coupons may be"
    )
    conflicts_borne_by: Bearer


class TillLimits(BaseModel):
    """A till's own bounds, at most the policy's; null: the policy's."""

    model_config = ConfigDict(extra="forbid")

    most_uses: Annotated[int, Field(ge=0, le=10_000)] | None
    most_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)] | None


class BroughtIn(BaseModel):
    """An entry as the books have it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    journal_id: uuid.UUID
    seq: int
    at: datetime
    till_at: datetime
    believed_at: datetime | None
    outcome: Outcome
    reason: str
    store_id: uuid.UUID
    till: str
    offer_id: uuid.UUID | None
    redemption_id: uuid.UUID | None
    bill_minor: int | None
    discount_minor: int | None
    charged_to: Bearer | Literal[""]
    is_over_quota: bool
    first_at: datetime | None
    first_till: str


class BroughtInPage(BaseModel):
    """Entries, the newest first, and the ``after`` of the next page."""

    items: list[BroughtIn]
    next: uuid.UUID | None
