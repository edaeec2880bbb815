"""What the interface says of tags, uploaded lists, segments, follows and timelines."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from district.audiences.models import SegmentKind
from push.audience_terms import EventKind

NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST_NAMED = 1_000
Name = Annotated[str, Field(pattern=NAME, description="As rules write it: a-z, 0-9 and -")]
Title = Annotated[str, Field(min_length=1, max_length=100, description="As people read it")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class NewSet(BaseModel):
    """A tag or list that is to be."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    title: Title


class TagOut(BaseModel):
    """A tag of the caller's."""

    id: uuid.UUID
    name: str
    title: str
    members: int
    """To how many it was given."""
    created_at: datetime


class Someone(BaseModel):
    """A member, as the caller may name one: by a redemption at his tills; an operator also by id."""

    model_config = ConfigDict(extra="forbid")
    redemption_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None


class Tagging(BaseModel):
    """Who gets a tag and who loses it."""

    model_config = ConfigDict(extra="forbid")
    add: Annotated[list[Someone], Field(max_length=MOST_NAMED)] = []
    remove: Annotated[list[Someone], Field(max_length=MOST_NAMED)] = []


class TaggingOut(BaseModel):
    """What came of it."""

    added: int
    removed: int
    unknown: list[str]
    """JSON pointers of those whom the caller cannot name."""


class ContactListOut(BaseModel):
    """An uploaded list of the caller's. How many of them are members is not told: it would say who is one."""

    id: uuid.UUID
    name: str
    title: str
    entries: int
    created_at: datetime
    uploaded_at: datetime | None


class RowFault(BaseModel):
    """A row that was left out, and why, in both languages."""

    row: int
    """The line in the file, the header being 1."""
    code: str
    detail: str
    detail_zh: str


class UploadOut(BaseModel):
    """What was taken of a file."""

    rows: int
    accepted: int
    duplicates: int
    rejected: int
    issues: list[RowFault]
    """The first 200."""


class NewSegment(BaseModel):
    """A segment that is to be."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    title: Title
    kind: SegmentKind = SegmentKind.LIVE
    rule: Any
    """What a campaign's ``who`` may be."""


class SegmentChange(BaseModel):
    """Another title or rule of a segment, of the version that the caller has read."""

    model_config = ConfigDict(extra="forbid")
    version: Version
    title: Title | None = None
    rule: Any = None


class SegmentOut(BaseModel):
    """A segment of the caller's."""

    id: uuid.UUID
    name: str
    title: str
    kind: SegmentKind
    version: int
    rule: Any
    changed_at: datetime
    frozen_at: datetime | None


class FollowOut(BaseModel):
    """A store that the caller follows."""

    store_id: uuid.UUID
    at: datetime


class EventOut(BaseModel):
    """Something in the caller's timeline."""

    id: uuid.UUID
    kind: EventKind
    at: datetime
    store_id: uuid.UUID | None
    subject_id: uuid.UUID | None
    words: str
    found: int | None


class EventPage(BaseModel):
    """Some of a timeline, the newest first, and the ``before`` of the next page."""

    is_kept: bool
    """Whether anything is being recorded now."""
    items: list[EventOut]
    next: uuid.UUID | None


class Unfound(BaseModel):
    """Words that at least ten members searched for and nothing was found by."""

    words: str
    members: int
    searches: int
    last_at: datetime
