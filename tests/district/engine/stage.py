"""A district with a campaign and members to walk in it, and what an engine made of them."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from geoalchemy2.shape import from_shape
from nats.js.errors import NotFoundError
from shapely import MultiPolygon, Polygon
from sqlalchemy import Engine, text

from district.campaigns.models import Campaign
from district.clock import Clock, FixedClock
from district.database import new_id, notify
from district.engine import role
from district.engine.checkpoints import BUCKET
from district.members import service as members
from district.members.models import Consent, Member
from district.roles import RoleContext
from district.settings import Settings
from district.sightings.admission import admit
from district.sightings.edge import load_edges
from district.sightings.reported import Reported, Texts
from district.sightings.service import publish
from district.tasks import ended
from geo.coordinates import LonLat
from geo.datum import Datum
from tests.factories import HELSINKI, Makers, square

# The longest that a test waits for what must come; only what never comes takes so long.
PATIENCE_S = 90.0
OUTSIDE = LonLat(lon=HELSINKI.lon + 0.01, lat=HELSINKI.lat)


class Stage:
    """One district, one live campaign around its centre, and fixes of members."""

    def __init__(self, makers: Makers, engine: Engine, context: RoleContext, clock: Clock) -> None:
        self.makers, self.engine, self.context, self.clock = makers, engine, context, clock
        self.district = makers.district()
        self.info = makers.info(self.district)
        self.merchant = makers.merchant(self.district)
        self.store = makers.store(self.district, merchant_id=self.merchant.id)
        self.feed = makers.feed(self.district)
        self._sent = 0

    def campaign(
        self, fence: Polygon | None = None, *, campaign_id: uuid.UUID | None = None, **rule: Any
    ) -> Campaign:
        """A live campaign; by default everyone who enters the square gets a coupon once a day."""
        fence = fence or square()
        document = {
            "v": 1,
            "trigger": {"any": [{"on": "fence.enter"}]},
            "where": {"within": {"type": "Polygon", "coordinates": [list(fence.exterior.coords)]}},
            "holdout": {"pct": 0},
        }
        made: Campaign = self.makers.campaign(
            self.district,
            self.merchant,
            [self.store],
            id=campaign_id or new_id(),
            fence=fence,
            rule=document | rule,
        )
        self.changed()
        return made

    def change(self, campaign: Campaign, **values: Any) -> None:
        """Change a campaign as the merchant's console does."""
        fence = values.pop("fence", None)
        if fence is not None:
            values["fence"] = from_shape(MultiPolygon([fence]), srid=4326)
        for name, value in values.items():
            setattr(campaign, name, value)
        campaign.version += 1
        campaign.changed_at += timedelta(seconds=1)
        self.changed()

    def changed(self) -> None:
        notify(self.makers.session, "campaign_changed", str(self.district.id))
        self.makers.done()

    def member(self, mac: str, *, agrees: bool = True) -> Member:
        """A member with a device, who agreed to offers by location, or to nothing."""
        member = self.makers.member(self.district)
        for purpose in ("marketing", "location") if agrees else ():
            self.makers.session.add(
                Consent(
                    district_id=self.district.id,
                    id=new_id(),
                    member_id=member.id,
                    purpose=purpose,
                    channel="",
                    granted=True,
                    action="box",
                    at=self.clock.now() - timedelta(hours=1),
                )
            )
        members.see_device(self.makers.session, self.info, member, mac=mac, clock=self.clock)
        self.makers.done()
        return member

    async def see(
        self, macs: list[str], place: LonLat = HELSINKI, *, at: datetime | None = None, accuracy_m: float = 5
    ) -> None:
        """Publish one fix of each device, as the edge does."""
        self._sent += 1
        now = self.clock.now()
        count = len(macs)
        reported = Reported(
            index=np.arange(count),
            at_ms=np.full(count, int((at or now).timestamp() * 1000)),
            lon=np.full(count, place.lon),
            lat=np.full(count, place.lat),
            accuracy_m=np.full(count, accuracy_m, np.float32),
            rssi_dbm=np.full(count, np.nan, np.float32),
            mac=macs,
            access_point_mac=Texts.of([""] * count),
            floor=Texts.of([""] * count),
            source_id=[uuid.uuid4().hex for _ in macs],
        )
        async with self.context.pool.connection() as connection:
            edges = await load_edges(connection, now=now)
        published = await publish(
            self.context.stream,
            admit(reported, edges[self.district.id], datum=Datum.WGS84, now=now),
            district_id=self.district.id,
            feed_id=self.feed.id,
            body=json.dumps([self._sent, macs]).encode(),
            now=now,
        )
        assert published.accepted == count

    async def forget_checkpoint(self) -> None:
        """What the district's engine has stored is gone; the bucket stays, for engines of other tests share it."""
        bucket = await self.context.stream.object_store(BUCKET)
        with contextlib.suppress(NotFoundError):
            await bucket.delete(str(self.district.id))

    def offers(self) -> list[Any]:
        """Offers of the district, oldest first."""
        return self._read("SELECT * FROM offer WHERE district_id = :d ORDER BY id")

    def refusals(self) -> set[str]:
        """Reasons of refusals."""
        return {row.reason for row in self._read("SELECT reason FROM refusal WHERE district_id = :d")}

    def refused(self) -> dict[tuple[uuid.UUID, str], int]:
        """How often each member was refused for each reason."""
        sql = (
            "SELECT member_id, reason, sum(times) AS times FROM refusal WHERE district_id = :d GROUP BY 1, 2"
        )
        return {(row.member_id, row.reason): int(row.times) for row in self._read(sql)}

    def epoch(self) -> int:
        """The reign of now."""
        rows = self._read("SELECT epoch FROM engine_owner WHERE district_id = :d")
        return int(rows[0].epoch) if rows else 0

    def _read(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), {"d": self.district.id}))


@asynccontextmanager
async def running(settings: Settings, clock: FixedClock) -> AsyncIterator[None]:
    """An engine in this process."""
    task = asyncio.create_task(role.run(settings, clock))
    try:
        yield
    finally:
        await ended([task])


async def until(settled: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not settled():  # noqa: ASYNC110 what is waited for is in the database
            await asyncio.sleep(0.02)


async def until_true(settled: Callable[[], Awaitable[bool]], *, within_s: float = PATIENCE_S) -> None:
    """Wait for a condition that must be asked for."""
    async with asyncio.timeout(within_s):
        while not await settled():  # noqa: ASYNC110 what is waited for is in the database
            await asyncio.sleep(0.02)
