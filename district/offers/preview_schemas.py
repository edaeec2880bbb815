"""What a dry run answers."""

import uuid
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from push.channels.filed_texts import Carrier
from push.consent import Channel
from push.rule import TriggerKind
from push.suppression import Suppression


class CostOut(BaseModel):
    """Minor units of the district's currency."""

    currency: str
    each_minor: int = Field(description="The most that one offer can cost its funder")
    most_minor: int = Field(description="If every reached member redeems")
    expected_minor: int = Field(description="At the believed share of such offers that is redeemed")
    messages_minor: int = Field(
        description="What sending by the channels that are tried first costs at most; the inbox costs nothing"
    )


class BudgetOut(BaseModel):
    """How far the money goes."""

    total_minor: int | None
    per_day_minor: int | None
    burnt: float | None = Field(description="The share of the total that the whole reach would hold, 0 to 1")
    pays_for: int | None = Field(description="Offers until the money is held; null without a budget")


class OverlapOut(BaseModel):
    """Another live campaign that reaches some of the same members at the same moment."""

    campaign_id: uuid.UUID | None = Field(description="Null: campaigns of others, together")
    name: str
    members: int = Field(description="Rounded down to tens")


class SampleOut(BaseModel):
    """What one of the reached members would read."""

    language: str
    title: str
    text: str
    why: str


class LookOut(BaseModel):
    """The offer as one channel shows it, in one language and one wording."""

    variant: str = Field(description="Name of the wording; empty when there is one only")
    channel: Channel
    language: str
    title: str
    text: str = Field(description="Of a text message the whole, with signature, link and how to refuse")
    link: str
    is_cut: bool = Field(description="Usual telephones show less than was written")
    letters: int
    parts: int = Field(description="Parts of a text message")
    cost_micro: int = Field(description="Of one message, in millionths of the currency unit")
    template: str = Field(description="The filed text that it goes by, where one is needed")
    not_filed_with: list[Carrier] = Field(description="Carriers that do not have that text on file")
    is_unsendable: bool
    problem: str
    problem_zh: str


class LiftOut(BaseModel):
    """What the hold-out can tell afterwards."""

    base_share: float = Field(description="Of the reached, who came to the stores in the week before")
    treated: int
    control: int
    smallest_points: float | None = Field(
        description="Smallest rise of that share, in points of 100, seen four times out of five; null: none"
    )


class MemberPriceOut(BaseModel):
    """A store where members pay less without the offer than with it."""

    store_id: uuid.UUID
    member_price_percent: int
    bill_minor: int = Field(description="The bill on which both were compared")


class Basis(StrEnum):
    """What the members that are looked at were taken from."""

    AUDIENCE = "audience"
    """All members: the trigger knows no place."""
    POSITIONS = "positions_yesterday"
    """Positions of the trading day before, on cells of 25 m."""
    VISITS = "visits_7d"
    """There are no positions of that day: visits to the stores on the ground in the last seven days."""


class TriggerOut(BaseModel):
    """What one kind of trigger of the rule would reach by itself; counts are rounded down to tens."""

    number: int = Field(description="Its place in the rule, from 0")
    trigger: TriggerKind
    at: datetime
    basis: Basis
    audience: int
    reach: int
    control: int


class PreviewOut(BaseModel):
    """A dry run: the planner's answer at one moment, nothing of it kept. Counts of members are rounded down to tens."""

    campaign_id: uuid.UUID
    version: int
    trigger: TriggerKind
    basis: Basis
    triggers: list[TriggerOut] = Field(
        description="Each kind of trigger of the rule; the other figures are of the one that reaches most"
    )
    reach_any: int = Field(description="Members whom any of the triggers would reach, each once")
    at: datetime = Field(description="The moment that was taken: the next at which the campaign may offer")
    audience: int = Field(description="Members that were looked at")
    reach: int
    reach_by_channel: dict[Channel, int] = Field(
        description="The inbox, and of the channels that ring the one that is tried first, in the district's order"
    )
    refused: dict[Suppression, int]
    control: int = Field(description="Held out, who would have been reached")
    cost: CostOut
    budget: BudgetOut
    finishes_at: datetime | None = Field(
        description="Under the rule's pace; null when it is not paced by a plan"
    )
    finishes_in_time: bool = Field(description="False: the hours or the day end before the pace does")
    overlap: list[OverlapOut]
    lift: LiftOut
    samples: list[SampleOut]
    looks: list[LookOut] = Field(description="By wording, channel in the district's order, and language")
    worse_than_member_price: list[MemberPriceOut] = Field(
        description="Where the offer is worth less than the store's standing price for members"
    )
    is_estimate: bool = Field(description="A part was asked of a sample and scaled")
