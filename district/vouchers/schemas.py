"""Voucher batches as operators see them."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from district.districts.service import SLUG_PATTERN
from district.districts.text import Name

MOST_CODES = 5_000


class NewBatch(BaseModel):
    """Codes to be made together."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    count: int = Field(ge=1, le=MOST_CODES)
    plan: Annotated[str, StringConstraints(pattern=SLUG_PATTERN)] | None = None
    """What a code lets its holder use; without one, what the gateway gives everybody."""
    uses: int = Field(default=1, ge=1, le=1_000)
    """How many people one code lets in; each may come back."""
    valid_until: AwareDatetime | None = None


class BatchAnswer(BaseModel):
    """A batch and what has become of its codes."""

    id: uuid.UUID
    name: str
    plan: str | None
    uses: int
    valid_until: datetime | None
    created_at: datetime
    revoked_at: datetime | None
    codes: int
    used_codes: int
    uses_taken: int


class BatchPage(BaseModel):
    """Batches, the oldest first."""

    items: list[BatchAnswer]
    next: uuid.UUID | None
