"""What an operator pastes of Google's: the whole key file of a service account."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from push.channels.provider_tokens import KeyUnreadable, ServiceAccount


class ServiceAccountSecrets(BaseModel):
    """The key of a service account; its kind says what the account must be allowed to do."""

    model_config = ConfigDict(extra="forbid")

    service_account: Annotated[str, Field(max_length=8_000)] = Field(
        description="The whole JSON key file of the service account"
    )

    @field_validator("service_account", mode="before")
    @classmethod
    def _is_an_account(cls, given: Any) -> Any:
        text = json.dumps(given) if isinstance(given, dict) else given
        if isinstance(text, str):
            try:
                ServiceAccount.read(text)
            except KeyUnreadable as invalid:
                raise ValueError(str(invalid)) from invalid
        return text
