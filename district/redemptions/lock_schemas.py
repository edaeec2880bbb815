"""Lock-outs as operators see them."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LockKind(StrEnum):
    """What is locked, and by what tries."""

    TILL = "till"
    """A till or a store's key that sent too many unknown codes."""
    KEY = "key"
    """A merchant's key for all his stores, by the same."""
    COUPON = "coupon"
    """A coupon whose codes were refused too often."""
    NUMBERS = "numbers"
    """A coupon for which too many wrong numbers of tills were typed."""


LockId = Annotated[
    str,
    Field(
        max_length=44,
        pattern=r"^(till|key|coupon|numbers)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    ),
]
"""Its kind and the id of what is locked."""


class LockOut(BaseModel):
    """What refuses everything until its period is over. Times are machine time."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: LockKind
    subject_id: uuid.UUID = Field(description="The till, store, key or coupon")
    name: dict[str, str] = Field(description="The till, the key, or the coupon's campaign")
    place: dict[str, str] = Field(description="Its store, merchant or property; empty for the operator's")
    campaign_id: uuid.UUID | None = Field(description="Of a coupon")
    tries: int = Field(description="That were refused since then")
    most: int = Field(description="From so many on it is locked")
    since: datetime = Field(description="From when on tries are counted")
    until: datetime = Field(description="When it opens by itself")


class LiftedOut(BaseModel):
    """A lock that somebody opened before its time."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: LockKind
    subject_id: uuid.UUID
    name: dict[str, str]
    place: dict[str, str]
    tries: int = Field(description="That were forgotten")
    account_id: uuid.UUID = Field(description="Who did it")
    lifted_by: str = Field(description="His name; empty when the account is gone")
    since: datetime
    until: datetime = Field(description="When it would have opened by itself")


class LocksOut(BaseModel):
    """What is locked now, the most tried first, and what was lifted within a day, the newest first."""

    items: list[LockOut]
    lifted: list[LiftedOut]
