"""Footfall as programs read it."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel

from district.footfall.metrics import Metric, Unit


class By(StrEnum):
    """The length of a period; days and weeks are trading days and weeks from Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class FootfallRow(BaseModel):
    """One place and period. ``value`` is null where it would tell of fewer than k people, or nothing was seen to measure."""

    zone: str | None
    """The zone's slug, a merchant's store id, or null for the whole district."""
    name: str
    start: datetime
    value: int | float | None
    suppressed: bool


class Footfall(BaseModel):
    """The answer: what is counted, and the rows."""

    metric: Metric
    unit: Unit
    definition: str
    by: By
    first_day: date
    last_day: date
    k: int
    as_of: datetime | None
    """When the newest recorded sighting came in."""
    rows: list[FootfallRow]
