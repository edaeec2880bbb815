"""A district whose devices are recorded as a test says."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from district.clock import FixedClock
from district.database import Pool
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.feeds.models import Feed
from district.sightings.models import RawSighting
from tests.factories import HELSINKI, Makers


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A district of its own, and what a test needs to act in it."""

    committed: Makers
    district: District
    info: DistrictInfo
    feed: Feed
    pool: Pool
    clock: FixedClock

    def walk(
        self,
        start_min: float,
        end_min: float,
        *,
        device: bytes | None = None,
        member_id: uuid.UUID | None = None,
        lon: float = HELSINKI.lon,
        floor: str | None = None,
        accuracy_m: float = 5.0,
    ) -> None:
        """Record fixes of one device, one every 30 seconds, from one minute of the morning to another."""
        device = device or uuid.uuid4().bytes
        morning = self.clock.now() - timedelta(hours=3)
        at: datetime = morning + timedelta(minutes=start_min)
        while at <= morning + timedelta(minutes=end_min):
            self.committed.session.add(
                RawSighting(
                    district_id=self.district.id,
                    feed_id=self.feed.id,
                    at=at,
                    source_id=uuid.uuid4().hex,
                    device=device,
                    member_id=member_id,
                    lon=lon,
                    lat=HELSINKI.lat,
                    accuracy_m=accuracy_m,
                    floor=floor,
                    received_at=at,
                )
            )
            at += timedelta(seconds=30)
        self.committed.done()
