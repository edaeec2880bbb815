"""Members as programs see them."""

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from push.consent import Channel, Purpose


class CodeRequest(BaseModel):
    """Where a one-time code is wanted: a phone or an e-mail address."""

    model_config = ConfigDict(extra="forbid")

    phone: str | None = Field(default=None, max_length=40)
    email: str | None = Field(default=None, max_length=254)
    district: str | None = Field(default=None, max_length=40)


class TokenRequest(BaseModel):
    """Staff log in with user name and password, shoppers with the code that was sent."""

    model_config = ConfigDict(extra="forbid")

    username: str | None = Field(default=None, max_length=200)
    password: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=40)
    email: str | None = Field(default=None, max_length=254)
    code: str | None = Field(default=None, max_length=20)
    district: str | None = Field(default=None, max_length=40)


class TokenAnswer(BaseModel):
    """A bearer token; ``expires_at`` is machine time."""

    token: str
    role: str
    expires_at: datetime
    district: str


class MemberAnswer(BaseModel):
    """The caller's membership."""

    id: uuid.UUID
    district: str
    phone: str | None
    email: str | None
    language: str
    zone: str | None
    quiet_from: int | None
    quiet_until: int | None
    joined_at: datetime
    is_personalised: bool = True
    """False: offers are chosen without looking at earlier visits."""


class Preferences(BaseModel):
    """What a member may choose; minutes are counted from midnight in the member's zone."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = Field(default=None, pattern="^(zh|en)$")
    zone: str | None = Field(default=None, max_length=64)
    quiet_from: int | None = Field(default=None, ge=0, lt=1440)
    quiet_until: int | None = Field(default=None, ge=0, lt=1440)
    is_personalised: bool | None = None


class ConsentState(BaseModel):
    """One purpose, by channel where it has channels, as it stands."""

    purpose: Purpose
    channel: Channel | None = None
    granted: bool
    at: datetime | None = None
    text: str = ""
    text_hash: str = ""


class ConsentChoice(BaseModel):
    """A decision; with the ``text_hash`` that was read, a grant counts only while those words stand."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    channel: Channel | None = None
    granted: bool
    text_hash: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class ConsentChoices(BaseModel):
    """Several decisions at once."""

    model_config = ConfigDict(extra="forbid")

    consents: list[ConsentChoice] = Field(max_length=30)
