"""Visits of a district, made again from recorded sightings: any number of times, by any worker, with one result."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.visits import fixes as columns
from district.visits import places as places_of
from district.visits import queries
from district.visits.fixes import Fixes, Person
from district.visits.making import Layer, PlaceKind, Stay, make, milliseconds, moment, owned
from district.visits.places import MOST_ACCURATE_M, Places

OVERLAP = timedelta(minutes=15)
"""Read again each time: longer than the gap that ends a visit, so that what ended before it is final."""
LATE = timedelta(hours=2)
"""Read again now and then: sightings that came late change visits this far back (docs/metrics.md)."""
FURTHEST = timedelta(hours=24)
"""Visits are cut at this length, and nothing older is read."""


class Tell(Protocol):
    """Who hears of visits that are new."""

    async def __call__(
        self,
        connection: AsyncConnection[TupleRow],
        district: DistrictInfo,
        begun: Sequence[Stay],
        *,
        now: datetime,
    ) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Made:
    """What one run did; ``is_busy`` when another worker was at it and nothing was done."""

    since: datetime | None = None
    fixes: int = 0
    changed: int = 0
    removed: int = 0
    is_busy: bool = False


async def refresh(
    pool: Pool,
    district: DistrictInfo,
    *,
    now: datetime,
    late: timedelta | None = None,
    tell: Tell | None = None,
) -> Made:
    """Bring the district's visits up to the sightings recorded until ``now``; ``late`` reads as far back as that.

    ``tell`` hears of visits that are new, in the transaction that stores them.
    """
    async with transaction(pool) as connection:
        values = {"district_id": district.id}
        row = await (await connection.execute(queries.LOCK_SQL, values)).fetchone()
        if row is None or not row[0]:
            return Made(is_busy=True)
        await connection.execute(queries.TIMEOUT_SQL)
        since = await _since(connection, district, now=now, late=late)
        places = await places_of.read(connection, district)
        fixes = await _fixes(connection, district, places, since=since, until=now)
        stored = await _stored(connection, district, since=since)
        made = await asyncio.to_thread(_made, places, fixes, list(stored.values()), milliseconds(since))
        changed = [stay for stay in made if stored.get(stay.id) != stay]
        gone = stored.keys() - {stay.id for stay in made}
        await _store(connection, district, changed, gone, since=since)
        if tell is not None:
            await tell(connection, district, [stay for stay in changed if stay.id not in stored], now=now)
    return Made(since=since, fixes=len(fixes), changed=len(changed), removed=len(gone))


async def _since(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, *, now: datetime, late: timedelta | None
) -> datetime:
    """A little before the newest visit; to a full millisecond, as visits are."""
    earliest = now - FURTHEST
    values = {"district_id": district.id, "since": earliest, "day": district.trading_day(earliest)}
    row = await (await connection.execute(queries.NEWEST_VISIT_SQL, values)).fetchone()
    newest: datetime | None = row[0] if row else None
    since = min(newest, now) - OVERLAP if newest else earliest
    if late is not None:
        since = min(since, now - late)
    return moment(milliseconds(max(since, earliest)))


async def _fixes(
    connection: AsyncConnection[TupleRow],
    district: DistrictInfo,
    places: Places,
    *,
    since: datetime,
    until: datetime,
) -> Fixes:
    values = {"district_id": district.id, "floors": list(places.floors), "since": since, "until": until}
    async with connection.cursor() as cursor, cursor.copy(queries.FIXES_SQL.encode(), values) as copy:
        parts = [bytes(part) async for part in copy]
    return await asyncio.to_thread(columns.of_copy, b"".join(parts))


async def _stored(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, *, since: datetime
) -> dict[uuid.UUID, Stay]:
    """Visits that are under way at ``since`` or begin later."""
    earliest = since - FURTHEST
    values = {
        "district_id": district.id,
        "day": district.trading_day(earliest),
        "earliest": earliest,
        "since": since,
    }
    rows = await (await connection.execute(queries.VISITS_NEAR_SQL, values)).fetchall()
    return {
        id_: Stay(
            person=Person(member_id=member_id) if member_id else Person(device=bytes(device or b"")),
            kind=PlaceKind(kind),
            place_id=place_id,
            start_ms=milliseconds(started_at),
            end_ms=milliseconds(ended_at),
            fixes=count,
        )
        for id_, kind, place_id, member_id, device, started_at, ended_at, count in rows
    }


def _made(places: Places, fixes: Fixes, stored: Sequence[Stay], since_ms: int) -> list[Stay]:
    under_way = owned((stay for stay in stored if stay.start_ms < since_ms), fixes)
    all_fixes = np.arange(len(fixes))
    district = Layer(kind=PlaceKind.DISTRICT, places=[None], place=np.zeros(len(fixes), np.int64))
    begun = [stay for stay in under_way if stay.kind is PlaceKind.DISTRICT]
    made = make(district, fixes, all_fixes, begun, since_ms=since_ms)
    accurate = np.flatnonzero(fixes.accuracy_m <= MOST_ACCURATE_M)
    for number, layer in enumerate(places.layers(fixes, accurate)):
        begun = [stay for stay in under_way if _is_in(stay, places, layer, number)]
        made += make(layer, fixes, accurate, begun, since_ms=since_ms)
    return made + [stay for stay in stored if _is_of_gone_place(stay, places)]


def _is_in(stay: Stay, places: Places, layer: Layer, number: int) -> bool:
    if stay.kind is not layer.kind or stay.place_id is None:
        return False
    if stay.kind is PlaceKind.STORE:
        return stay.place_id in places.stores
    return places.layer_of(stay.place_id) == number


def _is_of_gone_place(stay: Stay, places: Places) -> bool:
    """Visits to a zone or store that is no more stay as they are."""
    if stay.kind is PlaceKind.DISTRICT:
        return False
    return stay.place_id not in (places.zones if stay.kind is PlaceKind.ZONE else places.stores)


async def _store(
    connection: AsyncConnection[TupleRow],
    district: DistrictInfo,
    changed: Sequence[Stay],
    gone: set[uuid.UUID],
    *,
    since: datetime,
) -> None:
    if gone:
        day = district.trading_day(since - FURTHEST)
        await connection.execute(
            queries.DELETE_SQL, {"district_id": district.id, "day": day, "ids": list(gone)}
        )
    if not changed:
        return
    starts = [moment(stay.start_ms) for stay in changed]
    values = {
        "district_id": district.id,
        "days": [district.trading_day(start) for start in starts],
        "ids": [stay.id for stay in changed],
        "kinds": [str(stay.kind) for stay in changed],
        "places": [stay.place_id for stay in changed],
        "members": [stay.person.member_id for stay in changed],
        "devices": [stay.person.device for stay in changed],
        "starts": starts,
        "ends": [moment(stay.end_ms) for stay in changed],
        "fixes": [stay.fixes for stay in changed],
    }
    await connection.execute(queries.UPSERT_SQL, values)
