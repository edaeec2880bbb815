"""Where people walked on the day before a demo's first: positions between the places of that day's visits, so that a
dry run has somebody to count. Invented like the visits, in a feed of its own that nobody posts to."""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy.orm import Session

from district.demo.curves import Floats
from district.districts.service import DistrictInfo
from geo.metric import LocalPlane

EVERY_S = 45.0
NOISE_M = 5.0
AROUND_M = 25.0
"""People stand somewhere about the middle of a street or square, and near the door of a store."""
NEAR_M = 3_000.0
_NAMESPACE = uuid.UUID("2b9e9c1c-3f39-5c7e-9a6b-1d3a6c0f7e55")

STAYS_SQL = """
SELECT v.member_id, v.device, v.place_kind, v.started_at, v.ended_at, ST_X(place.at), ST_Y(place.at)
FROM visit v
LEFT JOIN zone z ON v.place_kind = 'zone' AND z.district_id = v.district_id AND z.id = v.place_id
LEFT JOIN store s ON v.place_kind = 'store' AND s.district_id = v.district_id AND s.id = v.place_id
LEFT JOIN imported_place p ON p.district_id = s.district_id AND p.ref = s.ref
CROSS JOIN LATERAL (SELECT coalesce(s.location, p.location, ST_PointOnSurface(z.outline)) AS at) AS place
WHERE v.district_id = %(district_id)s AND v.trading_day = %(day)s AND v.is_demo
  AND (v.place_kind = 'district' OR place.at IS NOT NULL)
ORDER BY coalesce(v.member_id::text, encode(v.device, 'hex')), v.started_at, v.place_kind
"""
COPY_SQL = """
COPY raw_sighting (district_id, feed_id, at, source_id, device, member_id, lon, lat, accuracy_m, received_at) FROM STDIN
"""


@dataclass(frozen=True, kw_only=True)
class _Stay:
    kind: str
    since_s: float
    until_s: float
    x_m: float
    y_m: float


@dataclass(frozen=True, kw_only=True)
class _Person:
    member_id: uuid.UUID | None
    device: bytes


def add(session: Session, district: DistrictInfo, feed_id: uuid.UUID, day: date) -> int:
    """Write the positions of one trading day's past visits, in the caller's transaction; how many."""
    raw = session.connection().connection.driver_connection
    assert isinstance(raw, Connection)  # noqa: S101 the only driver there is
    plane = LocalPlane(anchor=district.center, radius_m=NEAR_M)
    random = np.random.default_rng(day.toordinal())
    count = 0
    people = _people(raw, district, day, plane, random)
    with raw.cursor() as cursor, cursor.copy(COPY_SQL.encode()) as copy:
        for number, (person, stays) in enumerate(people):
            for at, lon, lat in _walk(stays, plane, random):
                row = (district.id, feed_id, at, f"past:{number}:{count}", person.device, person.member_id)
                copy.write_row((*row, lon, lat, NOISE_M, at))
                count += 1
    return count


def _people(
    raw: Connection[TupleRow],
    district: DistrictInfo,
    day: date,
    plane: LocalPlane,
    random: np.random.Generator,
) -> Sequence[tuple[_Person, list[_Stay]]]:
    """Who came that day, and where they were."""
    found: defaultdict[_Person, list[_Stay]] = defaultdict(list)
    rows = raw.execute(STAYS_SQL.encode(), {"district_id": district.id, "day": day}).fetchall()
    for member_id, device, kind, since, until, lon, lat in rows:
        known = uuid.uuid5(_NAMESPACE, f"{member_id}:{day}").bytes if member_id else bytes(device)
        around_m = NOISE_M if kind == "store" else AROUND_M
        x_m, y_m = (0.0, 0.0)
        if lon is not None:
            x, y = plane.to_metres(np.array([lon]), np.array([lat]))
            x_m, y_m = float(x[0]) + random.normal(0, around_m), float(y[0]) + random.normal(0, around_m)
        stay = _Stay(kind=kind, since_s=since.timestamp(), until_s=until.timestamp(), x_m=x_m, y_m=y_m)
        found[_Person(member_id=member_id, device=known)].append(stay)
    return list(found.items())


def _walk(
    stays: Sequence[_Stay], plane: LocalPlane, random: np.random.Generator
) -> Iterator[tuple[datetime, float, float]]:
    """One person's times, longitudes and latitudes: in a straight line from place to place of each outing."""
    places = sorted((one for one in stays if one.kind != "district"), key=lambda one: one.since_s)
    for outing in (one for one in stays if one.kind == "district"):
        within = [one for one in places if outing.since_s <= one.since_s < outing.until_s]
        if not within:
            continue
        seconds = np.arange(outing.since_s, outing.until_s, EVERY_S)
        noise = random.normal(0, NOISE_M, (2, len(seconds)))
        x_m, y_m = _between(within, seconds)
        lon, lat = plane.to_degrees(x_m + noise[0], y_m + noise[1])
        for second, *position in zip(seconds.tolist(), lon.tolist(), lat.tolist(), strict=True):
            yield datetime.fromtimestamp(second, tz=UTC), *position


def _between(places: Sequence[_Stay], seconds: Floats) -> tuple[Floats, Floats]:
    """Zones and stores overlap in time: who is in a store is there, else in the zone, else on the way."""
    stores = [one for one in places if one.kind == "store"]
    zones = [
        one for one in places if one.kind == "zone" and not any(_overlap(one, store) for store in stores)
    ]
    ways = sorted((*stores, *zones), key=lambda one: one.since_s)
    times = [second for one in ways for second in (one.since_s, one.until_s)]
    x_m = np.interp(seconds, times, [one.x_m for one in ways for _ in range(2)])
    y_m = np.interp(seconds, times, [one.y_m for one in ways for _ in range(2)])
    return x_m, y_m


def _overlap(one: _Stay, other: _Stay) -> bool:
    return one.since_s < other.until_s and other.since_s < one.until_s
