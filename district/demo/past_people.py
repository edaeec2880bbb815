"""Whom the past campaigns met, and the luck by which people do what they do: the same whenever it is asked for."""

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp

from district.demo.past_campaigns import Ran

STEP = timedelta(hours=1)
"""Offers go out on the full hours: each is one batch."""
BILL_SPREAD = 0.5
NAMESPACE = uuid.UUID("7c1f5d0e-6f0b-5b4e-8a10-5f5d2a6e9b01")


@dataclass(frozen=True, kw_only=True)
class Stay:
    """A member in one of the campaigns' stores."""

    ran: Ran
    member_id: uuid.UUID
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class Passing:
    """A member who comes by a store with a campaign, at a time at which he can be told."""

    ran: Ran
    member_id: uuid.UUID
    told_at: datetime
    leaves_at: datetime


@dataclass(frozen=True, kw_only=True)
class Met:
    """A member whom the campaign met, with the offer that he got; None: he was held out."""

    passing: Passing
    offer_id: uuid.UUID | None


def stay_id(store_id: uuid.UUID, member_id: uuid.UUID, started_at: datetime) -> uuid.UUID:
    """The visit that a stay is, when a campaign brought it about."""
    return uuid.uuid5(NAMESPACE, f"{member_id}:{store_id}:{started_at.isoformat()}")


def next_step(at: datetime) -> datetime:
    """The first full hour after it."""
    steps = int(at.timestamp() // STEP.total_seconds()) + 1
    return datetime.fromtimestamp(steps * STEP.total_seconds(), tz=UTC)


def luck_of(what: str, ran: Ran | None, *parts: object) -> random.Random:
    """The same for the same person at the same moment of the same campaign, whenever it is asked for."""
    name = "|".join(map(str, (what, ran.plan.key if ran else "", *parts)))
    return random.Random(name)  # noqa: S311 no secret comes from it


def bill(ran: Ran, luck: random.Random) -> int:
    """Log-normal about the plan's typical bill."""
    return ran.money.minor(ran.plan.bill_euros * exp(luck.gauss(0.0, BILL_SPREAD)))
