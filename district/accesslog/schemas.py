"""The access log as operators ask for it and see it."""

import ipaddress
import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from district.districts.text import Mac


def normal_address(text: str) -> str:
    """An IP address in its one spelling; IPv4 inside IPv6 is IPv4. Raises: ValueError."""
    found = ipaddress.ip_address(text.strip()[:60].partition("%")[0])
    return str(getattr(found, "ipv4_mapped", None) or found)


def _near(at: datetime) -> datetime:
    if not 2000 <= at.year < 2200:
        raise ValueError("must be a time of these centuries")
    return at


Instant = Annotated[AwareDatetime, AfterValidator(_near)]
IpAddress = Annotated[str, StringConstraints(max_length=60), AfterValidator(normal_address)]
Identity = Annotated[
    str, StringConstraints(max_length=254, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Protocol = Literal["", "tcp", "udp", "icmp"]


class Question(BaseModel):
    """Who had an address (and port) at an instant; or which sessions a device or a person had in a time."""

    model_config = ConfigDict(extra="forbid")

    at: Instant | None = None
    address: IpAddress | None = None
    """Inner or outer."""
    port: int | None = Field(default=None, ge=0, le=65_535)
    protocol: Protocol = ""
    mac: Mac | None = None
    identity: Identity | None = None
    """As the log holds it: a number in E.164, an e-mail address in lower case."""
    since: Instant | None = None
    until: Instant | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if self.address is not None:
            if self.at is None:
                raise ValueError("say when: an address is many people's in turn; give at")
            return self
        if self.port is not None:
            raise ValueError("a port belongs to an address; give address")
        if self.since is None or self.until is None or self.since >= self.until:
            raise ValueError(
                "give address and at; or since and an until after it, with or without mac and identity"
            )
        return self


class Holder(BaseModel):
    """A session that the log names for a question."""

    session: str
    member_id: uuid.UUID | None
    identity: str
    method: str
    mac: str
    inner_address: str
    outer_address: str
    nas: str
    access_point_mac: str
    since: datetime
    """When the session began, or took this address."""
    until: datetime | None
    """When it ended; null: it is on."""
    found_by: Literal["record", "address_translation"]


class Answer(BaseModel):
    """The newest first; ``is_whole`` is false when there are more."""

    holders: list[Holder]
    is_whole: bool


class LogState(BaseModel):
    """Where the log stands. Note number and hash elsewhere: that shows a log that was made anew."""

    last_number: int
    last_hash: str
    first_kept_number: int
    kept_days: int


class RowError(BaseModel):
    """A line that was not taken."""

    line: int
    reason: str


class ImportAnswer(BaseModel):
    """What became of the lines of a NAT log."""

    imported: int
    known: int
    """Lines that an earlier import brought."""
    rejected: int
    errors: list[RowError]
    """The first fifty."""
