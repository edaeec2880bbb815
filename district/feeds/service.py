"""Feeds: made by operators, known to the edge from memory, and the way of a body from bytes to the event log."""

import secrets
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nats.js import JetStreamContext
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import Pool, new_id, notify
from district.districts import service as districts
from district.districts.models import RouteKind
from district.districts.service import DistrictInfo
from district.feeds.decoding import Decoded
from district.feeds.health import ACCEPTED, DUPLICATES, FeedCounts
from district.feeds.models import Feed, FeedHealth
from district.feeds.queries import FEEDS_SQL
from district.feeds.schemas import FeedChange, NewFeed, Vendor
from district.problems import NotAllowed, NotFound, Unavailable
from district.sightings.admission import admit
from district.sightings.edge import Edge, Edges
from district.sightings.service import Published, publish
from district.snapshot import Snapshot
from geo.datum import Datum

CHANNEL = "feed_changed"
SECRET_BYTES = 24


@dataclass(frozen=True, kw_only=True)
class FeedInfo:
    """A feed as its posts need it."""

    id: uuid.UUID
    district_id: uuid.UUID
    slug: str
    vendor: Vendor
    secret: str = field(repr=False)
    validator: str = field(repr=False)
    datum: Datum


@dataclass(frozen=True, kw_only=True)
class Feeds:
    """All feeds that may send."""

    by_id: Mapping[uuid.UUID, FeedInfo] = field(default_factory=dict)
    by_slug: Mapping[tuple[uuid.UUID, str], FeedInfo] = field(default_factory=dict)

    def of_key(self, district_id: uuid.UUID, feed_id: uuid.UUID | None) -> FeedInfo:
        """The feed that a key stands for. Raises: NotAllowed."""
        found = self.by_id.get(feed_id) if feed_id else None
        if found is None or found.district_id != district_id:
            raise NotAllowed("The key stands for no feed that is in use; ask the operator for another.")
        return found

    def find(self, district_id: uuid.UUID, slug: str, vendor: Vendor) -> FeedInfo:
        """Raises: NotFound."""
        found = self.by_slug.get((district_id, slug))
        if found is None or found.vendor is not vendor:
            raise NotFound(f"No {vendor} feed {slug!r}.")
        return found


def feeds(pool: Pool) -> Snapshot[Feeds]:
    """The snapshot of all feeds."""

    async def load() -> Feeds:
        async with pool.connection() as connection:
            rows = await (await connection.execute(FEEDS_SQL)).fetchall()
        found = [
            FeedInfo(
                id=id_,
                district_id=district_id,
                slug=slug,
                vendor=Vendor(vendor),
                secret=secret,
                validator=validator,
                datum=Datum(datum),
            )
            for id_, district_id, slug, vendor, secret, validator, datum in rows
            if vendor in set(Vendor)
        ]
        return Feeds(
            by_id={feed.id: feed for feed in found},
            by_slug={(feed.district_id, feed.slug): feed for feed in found},
        )

    return Snapshot(load, empty=Feeds(), channels=(CHANNEL,))


async def take(
    decoded: Decoded,
    feed: FeedInfo,
    *,
    body: bytes,
    edges: Snapshot[Edges],
    stream: JetStreamContext | None,
    counts: FeedCounts,
    now: datetime,
) -> Published:
    """Admit and publish the rows of a body; returns once they are durable.

    Raises: Unavailable while that cannot be; the same body may then be sent again.
    """
    edge = await _edge(edges, feed.district_id, now)
    admission = admit(decoded.reported, edge, datum=feed.datum, now=now)
    admission = replace(admission, rejected=tuple(sorted(admission.rejected + decoded.rejected)))
    published = await publish(
        stream, admission, district_id=feed.district_id, feed_id=feed.id, body=body, now=now
    )
    outcomes = Counter(reason for _, reason in published.rejected)
    outcomes[ACCEPTED] += published.accepted
    outcomes[DUPLICATES] += published.duplicates
    counts.add(feed.district_id, feed.id, edge.trading_day(now), outcomes)
    return published


async def _edge(edges: Snapshot[Edges], district_id: uuid.UUID, now: datetime) -> Edge:
    """The district's edge; read again first when it lacks today's salt, as after a jump of the simulated clock."""
    edge = edges.value.get(district_id)
    if edge is None or edge.today(now) is None:
        await edges.refresh()
        edge = edges.value.get(district_id)
    if edge is None:
        raise Unavailable("The district's access points are not loaded yet; send the same body again.")
    return edge


def create(session: Session, district: DistrictInfo, new: NewFeed, *, clock: Clock) -> Feed:
    """Make a feed. Raises: Conflict when the name is taken in any district."""
    districts.add_route(session, RouteKind.FEED, new.slug, district.id)
    secret = new.secret
    if new.vendor is Vendor.MERAKI and not secret:
        secret = secrets.token_urlsafe(SECRET_BYTES)
    row = Feed(
        id=new_id(),
        district_id=district.id,
        slug=new.slug,
        vendor=new.vendor,
        secret=secret,
        validator=new.validator,
        datum=new.datum,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    notify(session, CHANNEL)
    return row


def listed(session: Session, district: DistrictInfo) -> list[Feed]:
    """The district's feeds by name."""
    return list(session.scalars(select(Feed).where(Feed.district_id == district.id).order_by(Feed.slug)))


def page(session: Session, district: DistrictInfo, *, after: str, limit: int) -> list[Feed]:
    """Some of the district's feeds, by slug, from the one behind ``after`` on."""
    mine = select(Feed).where(Feed.district_id == district.id, Feed.slug > after)
    return list(session.scalars(mine.order_by(Feed.slug).limit(limit)))


def get(session: Session, district: DistrictInfo, slug: str) -> Feed:
    """Raises: NotFound."""
    row = session.scalars(
        select(Feed).where(Feed.district_id == district.id, Feed.slug == slug)
    ).one_or_none()
    if row is None:
        raise NotFound(f"No feed {slug!r}.")
    return row


def change(session: Session, district: DistrictInfo, slug: str, wanted: FeedChange, *, clock: Clock) -> Feed:
    """Change a feed. Raises: NotFound."""
    row = get(session, district, slug)
    if wanted.secret is not None:
        row.secret = wanted.secret
    if wanted.validator is not None:
        row.validator = wanted.validator
    if wanted.datum is not None:
        row.datum = wanted.datum
    if wanted.is_disabled is not None:
        row.disabled_at = clock.now() if wanted.is_disabled else None
    session.flush()
    notify(session, CHANNEL)
    return row


def delete(session: Session, district: DistrictInfo, slug: str) -> None:
    """Forget a feed and free its name; what it recorded stays. Raises: NotFound."""
    row = get(session, district, slug)
    session.delete(row)
    session.flush()
    districts.drop_route(session, RouteKind.FEED, slug)
    notify(session, CHANNEL)


def rows_of_day(session: Session, district: DistrictInfo, feed: Feed, now: datetime) -> dict[str, int]:
    """The feed's rows of the trading day, by what became of them."""
    found = session.execute(
        select(FeedHealth.outcome, FeedHealth.rows).where(
            FeedHealth.district_id == district.id,
            FeedHealth.feed_id == feed.id,
            FeedHealth.trading_day == district.trading_day(now),
        )
    )
    return {row.outcome: row.rows for row in found}
