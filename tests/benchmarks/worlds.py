"""Districts for benchmarks: store18's fences and walkers, members among them, and what a feed sends."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shapely import Polygon
from sqlalchemy import insert

from district.auth.models import Role
from district.database import new_id
from district.districts import service as districts
from district.districts.models import District, RouteKind
from district.districts.service import DistrictInfo
from district.members import service as members
from district.members.models import Consent, DeviceAlias, Member
from push.consent import Purpose
from tests.benchmarks import store18
from tests.benchmarks.loading import request
from tests.factories import Makers

MERAKI_SECRET: Final = "a shared secret"
_AT_MARK, _POST_MARK = b"@AT@", b"@POST@"


@dataclass(frozen=True, kw_only=True)
class World:
    """A district that can be sent to."""

    district_id: uuid.UUID
    slug: str
    feed_id: uuid.UUID
    feed_key: str
    meraki_feed: str
    campaign_ids: Sequence[uuid.UUID]
    member_ids: Sequence[uuid.UUID]


def mac_of(device: int) -> str:
    """The address of a device, by its number."""
    digits = f"{0x020000000000 + device:012x}"
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def make(makers: Makers, *, fences: Sequence[Polygon], devices_of_members: Sequence[int]) -> World:
    """A district in which each fence is a live campaign's, and these devices are members' who agreed to offers."""
    row = makers.district(
        center=store18.PLANE.anchor,
        zone="Asia/Shanghai",
        currency="CNY",
        slug=f"bench-{uuid.uuid4().hex[:8]}",
    )
    feed = makers.feed(row)
    slug = f"meraki-{uuid.uuid4().hex[:8]}"
    makers.feed(row, slug=slug, vendor="meraki", secret=MERAKI_SECRET, validator="v")
    districts.add_route(makers.session, RouteKind.FEED, slug, row.id)
    merchant = makers.merchant(row)
    store = makers.store(row, at=store18.PLANE.anchor, merchant_id=merchant.id)
    campaigns = [makers.campaign(row, merchant, [store], fence=fence).id for fence in fences]
    return World(
        district_id=row.id,
        slug=row.slug,
        feed_id=feed.id,
        feed_key=makers.key(row, Role.FEED, scope_id=feed.id),
        meraki_feed=slug,
        campaign_ids=campaigns,
        member_ids=add_members(makers, row, devices_of_members),
    )


def add_members(makers: Makers, district: District, devices: Sequence[int]) -> list[uuid.UUID]:
    """A member for each device, who agreed to marketing by place."""
    if not devices:
        return []
    info: DistrictInfo = makers.info(district)
    at = makers.clock.now()
    ids = [new_id() for _ in devices]
    shared = {"district_id": district.id}
    joined = {"bucket": 5000, "language": "en", "joined_at": at}
    makers.session.execute(insert(Member), [{**shared, "id": id_, **joined} for id_ in ids])
    seen = {"randomised": True, "first_seen_at": at, "last_seen_at": at}
    aliases = [
        {**shared, "alias": members.alias_of(info, mac_of(device).replace(":", "")), "member_id": id_, **seen}
        for id_, device in zip(ids, devices, strict=True)
    ]
    makers.session.execute(insert(DeviceAlias), aliases)
    said = {"granted": True, "action": "box", "source": "benchmark", "at": at}
    consents = [
        {**shared, "id": new_id(), "member_id": id_, "purpose": str(purpose), **said}
        for id_ in ids
        for purpose in (Purpose.MARKETING, Purpose.LOCATION)
    ]
    makers.session.execute(insert(Consent), consents)
    makers.done()
    return ids


def instant_text(at: datetime) -> str:
    """As feeds send it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Posts:
    """Walkers' posts in the plain form, prepared but for their time and number: nothing is encoded while load runs.

    ``ticks`` of the walk are used in turn; in each every device is seen once. Ids are ``POST-ROW``.
    """

    def __init__(self, world: World, *, devices: int, per_post: int, ticks: int = 2) -> None:
        self.world = world
        self.per_post = per_post
        walk = store18.walk(devices)
        self._bodies = [
            body for _ in range(ticks) for body in self._tick(next(walk), devices // per_post * per_post)
        ]

    def _tick(self, positions: store18.Positions, devices: int) -> Iterator[bytes]:
        for start in range(0, devices, self.per_post):
            part = slice(start, start + self.per_post)
            columns = (positions.device[part], positions.lon[part], positions.lat[part])
            rows = [
                row_of(f"@POST@-{number}", mac_of(device), lon, lat, at="@AT@")
                for number, (device, lon, lat) in enumerate(
                    zip(*(column.tolist() for column in columns), strict=True)
                )
            ]
            yield body_of(rows)

    def body(self, number: int, at: datetime) -> bytes:
        """The post of this number."""
        body = self._bodies[number % len(self._bodies)]
        return body.replace(_AT_MARK, instant_text(at).encode()).replace(_POST_MARK, b"%d" % number)

    def request(self, number: int, at: datetime) -> bytes:
        """The post of this number as a request."""
        return sightings_request(self.world, self.body(number, at))

    def ids(self, number: int) -> list[str]:
        """The ids of that post."""
        return [f"{number}-{row}" for row in range(self.per_post)]


def row_of(id_: str, mac: str, lon: float, lat: float, *, at: str, accuracy_m: float = 4.0) -> dict[str, Any]:
    """One sighting in the plain form."""
    return {
        "id": id_,
        "mac": mac,
        "lon": round(lon, 7),
        "lat": round(lat, 7),
        "accuracy_m": accuracy_m,
        "at": at,
    }


def body_of(rows: Sequence[dict[str, Any]]) -> bytes:
    """A body of the plain form."""
    return json.dumps({"sightings": rows}, separators=(",", ":")).encode()


def sightings_request(world: World, body: bytes) -> bytes:
    """A post of the plain form."""
    headers = {"Authorization": f"Bearer {world.feed_key}", "Content-Type": "application/json"}
    return request("POST", f"/v1/districts/{world.slug}/sightings", headers=headers, body=body)
