"""Bodies and answers about texts on file."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from push.channels.filed_texts import MOST_LETTERS, Carrier, Filing
from push.message import MessagePurpose
from push.wording import Language

Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")]
Signature = Annotated[str, StringConstraints(pattern=r"^[^【】\x00-\x1f\x7f]{2,20}$")]
FiledWords = Annotated[
    str, StringConstraints(min_length=1, max_length=MOST_LETTERS, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Note = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class FilingChange(BaseModel):
    """How the filing stands with one carrier."""

    model_config = ConfigDict(extra="forbid")

    state: Filing
    note: Note = Field(default="", description="What the carrier said, such as why it refused")


class NewTextTemplate(BaseModel):
    """A text as it is, or shall be, on file with a gateway."""

    model_config = ConfigDict(extra="forbid")

    provider: str = Field(max_length=60, description="Slug of the provider")
    number: Number = Field(default="", description="The gateway's name for it; empty until it is known")
    signature: Signature = Field(description="The filed signature, without 【】")
    purpose: MessagePurpose
    language: Language = Language.ZH
    text: FiledWords = Field(
        description="With gaps: {title} {text} {store} {district} {value} {min_spend} {until} {link} {code}"
    )
    filings: dict[Carrier, FilingChange] = Field(
        default={}, description="By carrier; who is left out has nothing on file"
    )


class TextTemplateChange(BaseModel):
    """What changes; what is left out stays. Another signature or text is on file nowhere, unless it says so."""

    model_config = ConfigDict(extra="forbid")

    number: Number | None = None
    signature: Signature | None = None
    text: FiledWords | None = None
    filings: dict[Carrier, FilingChange] | None = None


class FilingView(BaseModel):
    """How the filing stands with one carrier."""

    state: Filing
    note: str
    changed_at: datetime | None


class TextTemplateView(BaseModel):
    """A text on file, as operators see it."""

    id: uuid.UUID
    provider: str
    number: str
    signature: str
    purpose: MessagePurpose
    language: Language
    text: str
    as_entered: str = Field(description="The text in the gateway's own form, for filing it there")
    filings: dict[Carrier, FilingView]
    is_usable: bool = Field(description="It has its number, and every carrier has it on file")
    letters: int = Field(description="With the signature, gaps left aside")
    parts_at_least: int
