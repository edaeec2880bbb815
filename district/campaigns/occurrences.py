"""The times at which scheduled campaigns take place: made rows ahead of time, each once, and made anew when what they
are reckoned from changes."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.campaigns import trigger_queries as queries
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from geo.errors import GeoError
from push.campaign_document import parse_rule
from push.campaign_life import CampaignState
from push.errors import PushError
from push.occurrences import Schedule, Slot
from push.rule import CampaignRule

AHEAD = timedelta(days=2)
CATCH_UP = timedelta(hours=1)
"""What began this lately while no worker ran still takes place, unless its campaign's offers die sooner."""
KEPT = timedelta(days=400)
TRIGGERS_KEPT = timedelta(days=2)
log = structlog.get_logger()
Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A slot of a campaign's schedule."""

    campaign_id: uuid.UUID
    version: int
    zone: str
    slot: Slot

    @property
    def id(self) -> uuid.UUID:
        """The same whenever the slot is made again, even at another instant: what was done is not done twice."""
        return uuid.uuid5(self.campaign_id, f"{self.slot.wall.isoformat()}|{int(self.slot.as_second)}")


async def materialise(pool: Pool, district: DistrictInfo, *, now: datetime) -> int:
    """Bring the rows of the coming two days up to what schedules and time zones say now; how many are new.

    Any number of workers may ask; one does it. What has begun stays as it is.
    """
    async with transaction(pool) as connection:
        row = await (
            await connection.execute(queries.LOCK_SCHEDULES_SQL, {"district_id": district.id})
        ).fetchone()
        if row is None or not row[0]:
            return 0
        cursor = await connection.execute(queries.SCHEDULED_SQL, {"district_id": district.id})
        wanted: list[Wanted] = []
        paused: list[uuid.UUID] = []
        for id_, version, state, document, starts_at in await cursor.fetchall():
            if state != CampaignState.LIVE:
                paused.append(id_)
            elif (rule := _rule_of(id_, document)) is not None:
                wanted += _slots_of(id_, version, rule, district, now=now, starts_at=starts_at)
        return await _write(connection, district, wanted, paused, now=now)


def _rule_of(campaign_id: uuid.UUID, document: object) -> CampaignRule | None:
    try:
        return parse_rule(document)
    except (PushError, GeoError) as error:
        log.error("campaign.unreadable", campaign=str(campaign_id), error=type(error).__name__)
        return None


def _slots_of(
    campaign_id: uuid.UUID,
    version: int,
    rule: CampaignRule,
    district: DistrictInfo,
    *,
    now: datetime,
    starts_at: datetime | None,
) -> Iterator[Wanted]:
    """The slots of all its schedules: two schedules that name one instant make one."""
    since = now - min(CATCH_UP, rule.ttl)
    since = max(since, starts_at) if starts_at is not None else since
    seen: set[datetime] = set()
    for schedule in schedules_of(rule):
        zone = schedule.zone(district.zone)
        for slot in schedule.between(since, now + AHEAD, default_zone=district.zone):
            if slot.starts_at not in seen:
                seen.add(slot.starts_at)
                yield Wanted(campaign_id=campaign_id, version=version, zone=zone.key, slot=slot)


def schedules_of(rule: CampaignRule) -> tuple[Schedule, ...]:
    """The schedules among a rule's triggers."""
    return tuple(one.schedule for one in rule.triggers if one.schedule is not None)


async def _write(
    connection: Connection,
    district: DistrictInfo,
    wanted: Sequence[Wanted],
    paused: Sequence[uuid.UUID],
    *,
    now: datetime,
) -> int:
    values = {
        "district_id": district.id,
        "now": now,
        "kept": list(paused),
        "ids": [one.id for one in wanted],
        "campaigns": [one.campaign_id for one in wanted],
        "versions": [one.version for one in wanted],
        "walls": [one.slot.wall for one in wanted],
        "seconds": [one.slot.as_second for one in wanted],
        "zones": [one.zone for one in wanted],
        "starts": [one.slot.starts_at for one in wanted],
    }
    # First what is no longer so: an instant that moved may be where another slot is wanted.
    await connection.execute(queries.DROP_OCCURRENCES_SQL, values)
    if not wanted:
        return 0
    return (await connection.execute(queries.INSERT_OCCURRENCES_SQL, values)).rowcount


async def forget(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> None:
    """Retention of what is over: occurrences for a year, decided happenings for two days."""
    values = {"district_id": district_id, "before": now - KEPT}
    async with transaction(pool) as connection:
        await connection.execute(queries.FORGET_OCCURRENCES_SQL, values)
        await connection.execute(
            queries.FORGET_TRIGGERS_SQL, {"district_id": district_id, "before": now - TRIGGERS_KEPT}
        )
