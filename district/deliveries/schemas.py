"""Answers of the inbox and of a campaign's report."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field


class InboxItemOut(BaseModel):
    """A message in the member's page, in the member's language."""

    id: uuid.UUID
    offer_id: uuid.UUID | None
    title: str
    body: str
    store_id: uuid.UUID | None
    why: str
    at: datetime


class InboxPage(BaseModel):
    """Items, the newest first."""

    items: list[InboxItemOut]
    next: int | None = Field(description="The ``after`` of the next page; null: this was the last")
    last_event_id: int = Field(description="Where a stream goes on from here")
