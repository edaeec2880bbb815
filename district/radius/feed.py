"""RADIUS accounting as a feed of sightings: one a district, made when the first packet comes."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.feeds import service
from district.feeds.models import Feed
from district.feeds.schemas import NewFeed, Vendor
from district.feeds.service import FeedInfo
from district.problems import Conflict
from geo.datum import Datum

_SLUG_LETTERS = 32


def of_district(session: Session, district: DistrictInfo, *, clock: Clock) -> FeedInfo | None:
    """The district's feed of accounting; None while the operator has it switched off."""
    found = select(Feed).where(Feed.district_id == district.id, Feed.vendor == Vendor.RADIUS)
    row = session.scalar(found.order_by(Feed.created_at).limit(1)) or _made(session, district, clock=clock)
    if row.disabled_at is not None:
        return None
    return FeedInfo(
        id=row.id,
        district_id=district.id,
        slug=row.slug,
        vendor=Vendor.RADIUS,
        secret="",
        validator="",
        datum=Datum.WGS84,
    )


def _made(session: Session, district: DistrictInfo, *, clock: Clock) -> Feed:
    slug = f"{district.slug[:_SLUG_LETTERS].rstrip('-')}-radius"
    try:
        with session.begin_nested():
            return service.create(session, district, NewFeed(slug=slug, vendor=Vendor.RADIUS), clock=clock)
    except Conflict:  # another district's feed has the name
        slug = f"radius-{secrets.token_hex(8)}"
        return service.create(session, district, NewFeed(slug=slug, vendor=Vendor.RADIUS), clock=clock)
