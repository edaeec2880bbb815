"""The worker's ticks: visits follow what the recorder has stored."""

from collections.abc import Sequence
from datetime import timedelta

import psycopg
import structlog

from district.clock import Clock
from district.database import Pool
from district.districts.service import DistrictInfo
from district.visits import service
from district.visits.service import Tell
from geo.errors import GeoError

FOLLOW_EVERY = timedelta(seconds=20)
LATE_EVERY = timedelta(minutes=10)
log = structlog.get_logger()


async def follow(
    pool: Pool, districts: Sequence[DistrictInfo], clock: Clock, *, tell: Tell | None = None
) -> None:
    """Make the newest visits of every district that no other worker is at, and tell of those that are new."""
    await _refresh(pool, districts, clock, late=None, tell=tell)


async def take_in_late(pool: Pool, districts: Sequence[DistrictInfo], clock: Clock) -> None:
    """Make the visits of the last two hours again: some sightings come late."""
    await _refresh(pool, districts, clock, late=service.LATE)


async def _refresh(
    pool: Pool,
    districts: Sequence[DistrictInfo],
    clock: Clock,
    *,
    late: timedelta | None,
    tell: Tell | None = None,
) -> None:
    for district in districts:
        try:
            made = await service.refresh(pool, district, now=clock.now(), late=late, tell=tell)
        except (psycopg.Error, GeoError) as error:
            # One district's trouble must not keep the others' visits back.
            log.warning(
                "visits.failed", district=district.slug, error=type(error).__name__, detail=str(error)
            )
            continue
        if made.changed or made.removed:
            log.info(
                "visits.made",
                district=district.slug,
                fixes=made.fixes,
                changed=made.changed,
                removed=made.removed,
            )
