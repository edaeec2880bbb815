"""Bodies and answers about telephones on which a member has an app of the district's."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.channels.models import EndpointState
from push.channels.app_address import APP_PATTERN, Platform


class NewDevice(BaseModel):
    """A token that an app was given by its push service, as the app tells it each time that it starts."""

    model_config = ConfigDict(extra="forbid")

    platform: Platform
    token: Annotated[str, StringConstraints(min_length=20, max_length=1024, pattern=r"^[\x21-\x7e]+$")] = (
        Field(description="Apple's in hexadecimal, Google's as it came")
    )
    app: Annotated[str, StringConstraints(pattern=APP_PATTERN)] = Field(
        description="Bundle identifier or package name"
    )


class DeviceOut(BaseModel):
    """A telephone of the member's. One that is gone is told again by its app when that next starts."""

    id: uuid.UUID
    platform: Platform
    app: str
    state: EndpointState
    agent: str
    created_at: datetime
    seen_at: datetime
