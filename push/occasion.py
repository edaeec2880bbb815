"""What may bring a member an offer: a crossing or another occasion, as decisions take it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from geo.coordinates import LonLat
from push.identifiers import CampaignId, StoreId, VisitId
from push.rule import TriggerKind

_VISITS = UUID("6d1c6f0e-5f0c-5b58-9d4e-2a4b8d0f7c11")


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """Something that may bring a member an offer: a fence crossed, a stay of `dwell`, or what push.triggers.Occasion
    says.

    at is when it happened (of a crossing: the fix), received_at when it was published: the stream's own time.
    visit_id makes it one occasion.
    """

    trigger: TriggerKind
    campaign_id: CampaignId
    visit_id: VisitId
    at: datetime
    received_at: datetime
    dwell: timedelta = timedelta(0)
    distance_m: float | None = None
    position: LonLat | None = None
    number: int | None = None
    store_id: StoreId | None = None
    joins: int = 0
    visits: int = 0
    away_for: timedelta = timedelta(0)


def visit_id(subject: UUID | str, fence: str, entered_at: datetime) -> VisitId:
    """The id of one stay of a device or member in a fence: the same on every replay of the stream."""
    return VisitId(uuid5(_VISITS, f"{subject}|{fence}|{entered_at.timestamp():.6f}"))
