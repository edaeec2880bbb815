"""Answers about what became of messages: never of whom they went to, nor what a code was."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from push.wording import Language


class DeliveryView(BaseModel):
    """A message as operators see it."""

    id: uuid.UUID
    channel: str
    provider: str
    """Its slug; empty before an attempt, and for the inbox."""
    purpose: str
    state: str
    reason: str
    campaign_id: uuid.UUID | None
    campaign: str
    planned_at: datetime
    due_at: datetime
    send_before: datetime | None
    attempts: int
    finished_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None


class DeliveryPage(BaseModel):
    """Some messages, the newest first, and the ``before`` of the next page."""

    items: list[DeliveryView]
    next: uuid.UUID | None


class AttemptView(BaseModel):
    """One call to a provider and what it brought."""

    at: datetime
    channel: str
    provider: str
    outcome: str
    detail: str


class ReceiptView(BaseModel):
    """What a provider told afterwards."""

    at: datetime
    provider: str
    kind: str
    part: int
    detail: str


class StoryView(BaseModel):
    """One message from its planning to its last receipt."""

    delivery: DeliveryView
    fallbacks: list[str]
    attempts: list[AttemptView]
    receipts: list[ReceiptView]
    may_replay: bool
    why_not: str = Field(description="Why it cannot be sent again; empty when it can")


class Trial(BaseModel):
    """Where to send a message of one's own, to see whether a provider works."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x20\x7f]+$")] = (
        Field(description="A number, an e-mail address, or what the channel takes for one")
    )
    keys: Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(max_length=10)] = Field(
        default={}, description="What goes with it, such as a browser's keys"
    )
    language: Language = Language.EN
    template: Annotated[str, Field(max_length=60)] = Field(
        default="",
        description="The number of a text on file, for a gateway that sends nothing else; empty: the first there is",
    )


class TrialView(BaseModel):
    """What the provider said."""

    outcome: str
    """accepted, or address_gone, message_refused, throttled, transient, unknown."""
    detail: str
    message_id: str
    took_ms: int
