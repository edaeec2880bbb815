"""Merchants as operators send and see them."""

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from district.districts.text import Name, OptionalName


class NewMerchant(BaseModel):
    """A merchant to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    name_zh: OptionalName = ""


class MerchantChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    name_zh: OptionalName | None = None


class MerchantView(BaseModel):
    """A merchant."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    name_zh: str
    created_at: datetime
