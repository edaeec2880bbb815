"""Tags, uploaded lists and segments, for merchants, properties and the operator; each sees and uses his own."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from district import bodies
from district.audiences import lists, ownership, segments, tags, timeline
from district.audiences.models import ContactList, Segment, Tag
from district.audiences.schemas import (
    ContactListOut,
    NewSegment,
    NewSet,
    SegmentChange,
    SegmentOut,
    Tagging,
    TaggingOut,
    TagOut,
    Unfound,
    UploadOut,
)
from district.auth.creating import CreatingDep
from district.auth.principals import CampaignStaff, Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep

router = APIRouter(prefix="/v1/districts/{d}", tags=["audiences"])
LONGEST_PAUSE = timedelta(seconds=10)


@router.get("/tags")
def read_tags(
    principal: CampaignStaff, district: DistrictDep, session: DbSession, at: PlaceDep
) -> Page[TagOut]:
    """The caller's tags, by key."""
    own = ownership.owned(Tag, district.id, ownership.owner_of(principal))
    return paging.read(session, own, Tag.id, at, lambda row: tags.shown(session, [row])[0])


@router.post("/tags", status_code=201, response_model=TagOut)
def create_tag(
    body: NewSet, principal: CampaignStaff, district: DistrictDep, creating: CreatingDep
) -> JSONResponse:
    """Make a tag."""
    return creating.once(
        principal,
        body,
        lambda: tags.create(creating.session, district, principal, body, clock=creating.clock),
    )


@router.get("/tags/{name}")
def read_tag(name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession) -> TagOut:
    """One tag of the caller's."""
    return tags.shown(session, [ownership.find(session, Tag, district.id, principal, name)])[0]


@router.put("/tags/{name}/members")
def tag_members(
    name: str,
    body: Tagging,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> TaggingOut:
    """Give a tag to members and take it from others.

    A merchant names them by redemptions at his tills, a property by those of its own offers.
    """
    return tags.give(session, district, principal, name, body, clock=clock)


@router.delete("/tags/{name}", status_code=204)
def delete_tag(name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession) -> Response:
    """Take a tag from everybody, unless rules name it."""
    tags.remove(session, district, principal, name)
    return Response(status_code=204)


@router.get("/contact-lists")
def read_lists(
    principal: CampaignStaff, district: DistrictDep, session: DbSession, at: PlaceDep
) -> Page[ContactListOut]:
    """The caller's uploaded lists, by key."""
    own = ownership.owned(ContactList, district.id, ownership.owner_of(principal))
    return paging.read(session, own, ContactList.id, at, _list_out)


@router.post("/contact-lists", status_code=201, response_model=ContactListOut)
def create_list(
    body: NewSet, principal: CampaignStaff, district: DistrictDep, creating: CreatingDep
) -> JSONResponse:
    """Make a list; upload to it afterwards."""
    return creating.once(
        principal,
        body,
        lambda: _list_out(lists.create(creating.session, district, principal, body, clock=creating.clock)),
    )


@router.get("/contact-lists/{name}")
def read_list(
    name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession
) -> ContactListOut:
    """One list of the caller's."""
    return _list_out(ownership.find(session, ContactList, district.id, principal, name))


async def _content(request: Request, _principal: CampaignStaff) -> bytes:
    return await bodies.read(request, limit_bytes=lists.MAX_FILE_BYTES, pause=LONGEST_PAUSE)


@router.put("/contact-lists/{name}/entries")
def upload_entries(
    name: str,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    content: Annotated[bytes, Depends(_content)],
) -> UploadOut:
    """Replace what a list holds by a CSV file with the columns phone and email; bad rows are left out and said.

    Only keyed hashes are kept. Upload only people who agreed that you use their number or address for this.
    """
    return lists.upload(session, district, principal, name, content, clock=clock)


@router.delete("/contact-lists/{name}", status_code=204)
def delete_list(name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession) -> Response:
    """Forget a list and all that is kept of it, unless rules name it."""
    lists.remove(session, district, principal, name)
    return Response(status_code=204)


@router.get("/segments")
def read_segments(
    principal: CampaignStaff, district: DistrictDep, session: DbSession, at: PlaceDep
) -> Page[SegmentOut]:
    """The caller's segments, by key."""
    own = ownership.owned(Segment, district.id, ownership.owner_of(principal))
    return paging.read(session, own, Segment.id, at, _segment_out)


@router.post("/segments", status_code=201, response_model=SegmentOut)
def create_segment(
    body: NewSegment, principal: CampaignStaff, district: DistrictDep, creating: CreatingDep
) -> JSONResponse:
    """Make a segment; a static one looks for its members at once."""
    return creating.once(
        principal,
        body,
        lambda: _segment_out(
            segments.create(creating.session, district, principal, body, clock=creating.clock)
        ),
    )


@router.get("/segments/{name}")
def read_segment(
    name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession
) -> SegmentOut:
    """One segment of the caller's."""
    return _segment_out(ownership.find(session, Segment, district.id, principal, name))


@router.patch("/segments/{name}")
def change_segment(
    name: str,
    body: SegmentChange,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> SegmentOut:
    """Change title or rule; a rule that campaigns name stays as it was approved."""
    return _segment_out(segments.change(session, district, principal, name, body, clock=clock))


@router.post("/segments/{name}/freeze")
def freeze_segment(
    name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession, clock: ClockDep
) -> SegmentOut:
    """Look for the members of a static segment anew."""
    return _segment_out(segments.freeze(session, district, principal, name, clock=clock))


@router.delete("/segments/{name}", status_code=204)
def delete_segment(
    name: str, principal: CampaignStaff, district: DistrictDep, session: DbSession
) -> Response:
    """Delete a segment, unless rules name it."""
    segments.remove(session, district, principal, name)
    return Response(status_code=204)


@router.get("/searches/not-found")
def read_unfound(
    _operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    days: Annotated[int, Query(ge=1, le=180)] = 30,
) -> list[Unfound]:
    """What at least ten members searched for in vain, the most wanted first."""
    since = clock.now() - timedelta(days=days)
    return [Unfound(**row) for row in timeline.unfound(session, district.id, since=since)]


def _list_out(row: ContactList) -> ContactListOut:
    return ContactListOut.model_validate(row, from_attributes=True)


def _segment_out(row: Segment) -> SegmentOut:
    return SegmentOut.model_validate(row, from_attributes=True)
