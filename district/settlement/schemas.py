"""Statements and reconciliations as parties see them."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from district.ledger.models import PostingKind
from district.settlement.models import Party


class Figures(BaseModel):
    """What a party did and bears, in minor units."""

    model_config = ConfigDict(from_attributes=True)

    party: Party
    party_id: uuid.UUID
    redemptions: int = Field(description="A merchant: at its own tills; others: of which they bear a part")
    redeemed_minor: int = Field(description="Discounts that the merchant gave at its tills")
    reversals: int
    reversed_minor: int
    corrections: int = Field(
        description="Reversals of what an earlier statement counted, and what was booked late"
    )
    corrected_minor: int = Field(description="What they change; reversals are below zero")
    points_minor: int = Field(description="Points that the merchant took as payment")
    borne_minor: int = Field(description="What the party bears of discounts, and of points")
    net_minor: int = Field(
        description="redeemed − reversed + corrected + points − borne; above zero it is paid to the party"
    )


class StatementOut(Figures):
    """A closed day of one party; it never changes."""

    id: uuid.UUID
    trading_day: date
    closed_at: datetime


class OpenOut(BaseModel):
    """What is not closed yet, up to now."""

    trading_day: date
    currency: str
    items: list[Figures]


class LineOut(BaseModel):
    """One posting of a statement."""

    id: uuid.UUID
    kind: PostingKind
    is_correction: bool
    at: datetime
    store_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    amount_minor: int = Field(description="To the merchant for his till; below zero when taken back")
    borne_minor: int
    till: str | None = Field(description="The key or till that asked; null for another's till")
    request_no: str | None


class Acts(BaseModel):
    """Redemptions and reversals."""

    redemptions: int
    redeemed_minor: int
    reversals: int
    reversed_minor: int


class MerchantActs(Acts):
    """One merchant's."""

    merchant_id: uuid.UUID


class TotalsOut(BaseModel):
    """The district's figures by what tills did, and the sum of its merchants' by what was booked."""

    start: date
    end: date = Field(description="Not included")
    currency: str
    district: Acts
    merchants: Acts
    agrees: bool
    items: list[MerchantActs]


class Match(StrEnum):
    """What comes of one row or one line."""

    MATCHED = "matched"
    AMOUNT_DIFFERS = "amount_differs"
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"


class MatchOut(BaseModel):
    """One row of the file, one line of the statement, or both."""

    result: Match
    row: int | None = Field(description="The line of the file, from 2; null: not in the file")
    till: str | None
    request_no: str
    file_minor: int | None
    statement_minor: int | None


class ReconciliationOut(BaseModel):
    """A till's file beside a statement."""

    id: uuid.UUID | None = Field(description="Null for a dry run, of which nothing is kept")
    statement_id: uuid.UUID
    dry_run: bool
    matched: int
    amount_differs: int
    missing_here: int
    missing_there: int
    rows: list[MatchOut] = Field(description="What does not match first; at most 1,000")


class ReconciliationView(BaseModel):
    """One that was kept."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    statement_id: uuid.UUID
    made_by: str
    made_at: datetime
    matched: int
    amount_differs: int
    missing_here: int
    missing_there: int


class BudgetOut(BaseModel):
    """A campaign's money: total = reserved + spent + free."""

    total_minor: int | None = Field(description="Null: the campaign has no limit")
    reserved_minor: int = Field(
        description="What its open offers may still cost, and used ones held and did not need"
    )
    spent_minor: int = Field(description="Discounts booked, less those taken back")
    free_minor: int | None
    currency: str
    agrees: bool = Field(
        description="Every offer's hold is in the campaign's, and no more was spent than held"
    )
