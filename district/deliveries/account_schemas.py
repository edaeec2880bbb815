"""Bodies and answers about members' accounts at WeChat and its like."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.channels.models import EndpointState
from district.districts.service import SLUG_PATTERN
from push.channels.wechat_login import LONGEST_CODE
from push.consent import Channel

MOST_AT_ONCE = 3
"""wx.requestSubscribeMessage asks for three templates at most."""
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]


class NewBinding(BaseModel):
    """An account of the member's, proved by a login code."""

    model_config = ConfigDict(extra="forbid")

    provider: Slug = Field(description="The provider's slug")
    code: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_CODE, pattern=r"^[\x21-\x7e]+$")]


class NewGrants(BaseModel):
    """What a member has just allowed in the mini-program: one message for each template named."""

    model_config = ConfigDict(extra="forbid")

    provider: Slug
    templates: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=80)]],
        Field(min_length=1, max_length=MOST_AT_ONCE),
    ]


class ToldAccount(BaseModel):
    """Which customer of the provider's a member is."""

    model_config = ConfigDict(extra="forbid")

    address: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")] = Field(
        description="The customer's external_userid"
    )


class TemplateLeft(BaseModel):
    """How many messages by a template the member still allows."""

    id: str
    left: int


class AccountOut(BaseModel):
    """A provider that members can bind an account of theirs to."""

    provider: str
    channel: Channel
    name: str
    app_id: str
    state: EndpointState | None = Field(description="Of the member's account; null: none is bound")
    bind_url: str | None = Field(
        description="Page to open inside the provider's app; null where a program binds"
    )
    templates: list[TemplateLeft] = Field(
        description="What the mini-program may ask the member to allow; empty for other kinds"
    )
