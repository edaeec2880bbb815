"""Bodies and answers about browsers that want to be told."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.channels.models import EndpointState
from push.channels.outbound import MAX_URL

Key = Annotated[str, StringConstraints(min_length=20, max_length=100, pattern=r"^[A-Za-z0-9_-]+=*$")]


class PushKeys(BaseModel):
    """What a browser encrypts with: base64 for URLs."""

    model_config = ConfigDict(extra="forbid")

    p256dh: Key
    auth: Key


class NewPushSubscription(BaseModel):
    """A subscription as browsers write it: ``JSON.stringify(subscription)``."""

    model_config = ConfigDict(extra="forbid")

    endpoint: Annotated[str, StringConstraints(max_length=MAX_URL, pattern=r"^https?://[\x21-\x7e]+$")]
    keys: PushKeys
    expiration_time: float | None = Field(default=None, alias="expirationTime", description="Not used")


class PushSubscriptionOut(BaseModel):
    """A browser of the member's. One that is gone must subscribe anew: its push service knows it no more."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    state: EndpointState
    agent: str
    created_at: datetime
    seen_at: datetime


class PushKeyOut(BaseModel):
    """What a page subscribes with."""

    public_key: str | None = Field(
        description="applicationServerKey: an uncompressed P-256 point in base64 for URLs"
    )
