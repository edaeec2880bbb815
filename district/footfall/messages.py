"""What the engine tells of a district as it happens: plain messages that nothing keeps (``events.live_subject``)."""

import uuid
from datetime import datetime
from enum import StrEnum

import msgspec

COUNTS = "counts"
"""Topic of ``LiveCounts``, told every ten seconds of business time."""
TICKER = "ticker"
"""Topic of ``TickerLine``."""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """Who is somewhere now. Exact: whoever publishes it further suppresses what is below k."""

    members: int
    devices: int
    """All devices, members' own among them."""


class LiveCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One district at one moment. ``at`` is the stream's business time."""

    at: datetime
    members: int
    devices: int
    """All devices, members' own among them."""
    zones: dict[uuid.UUID, Present] = {}


class TickerKind(StrEnum):
    """What happened to a triggered candidate."""

    OFFER = "offer"
    REFUSAL = "refusal"


class TickerLine(msgspec.Struct, frozen=True, kw_only=True):
    """An offer or a refusal, without the person. ``reason`` is a ``push.suppression.Suppression``."""

    at: datetime
    kind: TickerKind
    campaign_id: uuid.UUID
    reason: str = ""
