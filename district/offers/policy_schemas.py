"""Bodies and answers of the marketing policy and of the model of who redeems."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from push.limits import MAX_CAP

MINUTES_A_DAY = 1_440
NULLABLE = frozenset({"offers_per_7d", "merchant_per_day"})
PerDay = Annotated[int, Field(ge=1, le=MAX_CAP)]
Minute = Annotated[
    int, Field(ge=0, lt=MINUTES_A_DAY, description="Minutes from midnight by the district's clocks")
]


class PolicyChange(BaseModel):
    """What to change; what is not named stays. ``version`` is the one that was read."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=0, le=2**31 - 2)]
    offers_per_day: PerDay | None = Field(
        default=None, description="Of all campaigns together, to one member"
    )
    offers_per_7d: PerDay | None = Field(
        default=None, description="The same in any seven days; null: no such bound"
    )
    merchant_per_day: PerDay | None = Field(default=None, description="Of one merchant; null: no such bound")
    gap_min: Annotated[int, Field(ge=0, le=MINUTES_A_DAY)] | None = Field(
        default=None, description="Minutes after any offer without another; 0: none"
    )
    control_pct: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None,
        description="Percent of the members who get no marketing at all, so that its effect can be told",
    )
    holdout_pct: Annotated[int, Field(ge=0, le=50)] | None = Field(
        default=None,
        description="Percent of the members whom a campaign holds out when its rule names no share",
    )
    quiet_from: Minute | None = None
    quiet_until: Minute | None = None
    share_pct: Annotated[int, Field(ge=100, le=1_000)] | None = Field(
        default=None,
        description="How many percent of an equal share of contested moments a merchant may win before his price rises",
    )
    explore_pct: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="Percent of the moments at which merchants new to the district go first"
    )
    typical_spend_minor: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="A typical bill, by which percentages and gifts are compared with amounts"
    )
    fatigue_minor: Annotated[int, Field(ge=0, le=10**6)] | None = Field(
        default=None, description="What each earlier message of the week takes off the worth of another"
    )

    @model_validator(mode="after")
    def _names_values(self) -> Self:
        empty = [
            name for name in self.model_fields_set - {"version"} - NULLABLE if getattr(self, name) is None
        ]
        if empty:
            raise ValueError(f"{sorted(empty)[0]} cannot be null; leave it out to keep it")
        return self

    def changes(self) -> dict[str, int | None]:
        """What was named, with its value."""
        return self.model_dump(include=self.model_fields_set - {"version"})


class PolicyAnswer(BaseModel):
    """What holds for all campaigns of the district."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    offers_per_day: int
    offers_per_7d: int | None
    merchant_per_day: int | None
    gap_min: int
    control_pct: int
    holdout_pct: int
    quiet_from: int
    quiet_until: int
    share_pct: int
    explore_pct: int
    typical_spend_minor: int
    fatigue_minor: int


class Weight(BaseModel):
    """What one thing that is looked at does to the log-odds of a redemption, for each unit above its mean."""

    feature: str
    words: dict[str, str]
    mean: float
    weight: float


class Prior(BaseModel):
    """What is believed of one kind of offer in one band, and what was seen of it."""

    kind: str
    issued: int
    redeemed: int
    chance: float


class BinAnswer(BaseModel):
    """Offers of like chance: what was believed of them, and what share was redeemed, with its interval."""

    believed: float
    offers: int
    redeemed: float
    low: float
    high: float


class ReliabilityAnswer(BaseModel):
    """How good the chances were on the newest offers, which were not looked at while fitting."""

    offers: int
    brier: float
    brier_prior: float
    calibration_p: float
    bins: list[BinAnswer]


class ModelAnswer(BaseModel):
    """Who is believed to redeem, and why. ``is_prior``: nothing better than the belief by kind was found yet."""

    version: int
    is_prior: bool
    fitted_at: datetime | None
    until: datetime | None
    rows: int
    redeemed: int
    weights: list[Weight]
    priors: list[Prior]
    reliability: ReliabilityAnswer | None


class ReasonAnswer(BaseModel):
    """What one feature did to the log-odds, against the average offer; positive speaks for a redemption."""

    feature: str
    words: dict[str, str]
    contribution: float


class ReasonsAnswer(BaseModel):
    """Why an offer was chosen: its score in minor units, the believed chance, and what spoke for and against it."""

    offer_id: uuid.UUID
    campaign_id: uuid.UUID
    at: datetime
    kind: str
    score_minor: float
    chance: float
    model_version: int
    is_prior: bool
    reasons: list[ReasonAnswer]
