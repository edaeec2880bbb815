"""One device's address at two places at once: somebody copied it. An alarm, and never anybody's data."""

import json
import uuid
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import Pool, new_id
from district.gateways.models import WifiSession
from district.members import alarms
from district.members.alarms import AlarmKind
from geo.coordinates import LonLat
from geo.metric import distance_m

LOOKED_BACK: Final = timedelta(hours=1)
"""In an hour one is anywhere in a district."""
HEARD_WITHIN: Final = timedelta(minutes=2)
SETTLED: Final = timedelta(seconds=90)
"""Who roams is told of twice for a moment, and may get another address on the way."""

_PLACE: Final = "ST_X({0}.location), ST_Y({0}.location)"

# Sessions of this device elsewhere, each with the time at which it was last known there.
ELSEWHERE_SQL: Final = f"""
SELECT w.gateway_id, w.access_point_mac, w.granted_at, {_PLACE.format("there")}, {_PLACE.format("here")}
FROM wifi_session w
LEFT JOIN access_point there ON there.district_id = w.district_id AND there.mac = w.access_point_mac
LEFT JOIN access_point here ON here.district_id = w.district_id AND here.mac = :access_point_mac
WHERE w.district_id = :district_id AND w.alias = :alias AND w.id <> :id AND w.ended_at IS NULL
    AND w.granted_at > :since
    AND (w.access_point_mac <> :access_point_mac OR w.gateway_id <> :gateway_id)
ORDER BY w.granted_at DESC LIMIT 20
"""

# Devices that accounting heard of lately at two access points, neither of which has said that they left.
HEARD_SQL: Final = f"""
SELECT one.alias, one.access_point_mac, other.access_point_mac, one.updated_at - other.updated_at,
    {_PLACE.format("here")}, {_PLACE.format("there")}
FROM radius_session one
JOIN radius_session other ON other.district_id = one.district_id AND other.alias = one.alias
    AND other.unique_id <> one.unique_id AND other.access_point_mac <> one.access_point_mac
    AND other.stopped_at IS NULL AND other.updated_at <= one.updated_at
    AND other.updated_at > %(machine_now)s - %(looked_back)s
JOIN access_point here ON here.district_id = one.district_id AND here.mac = one.access_point_mac
JOIN access_point there ON there.district_id = one.district_id AND there.mac = other.access_point_mac
WHERE one.district_id = %(district_id)s AND one.stopped_at IS NULL AND one.alias IS NOT NULL
    AND one.updated_at > %(machine_now)s - %(heard_within)s
    AND here.location IS NOT NULL AND there.location IS NOT NULL
ORDER BY one.updated_at DESC LIMIT 1000
"""


# One device that accounting heard of lately under two addresses of its own, on sessions that both go on.
ADDRESSES_SQL: Final = """
SELECT one.alias, one.framed_address, other.framed_address, one.access_point_mac, other.access_point_mac
FROM radius_session one
JOIN radius_session other ON other.district_id = one.district_id AND other.alias = one.alias
    AND other.unique_id > one.unique_id AND other.framed_address <> one.framed_address
    AND other.stopped_at IS NULL AND other.framed_address <> ''
    AND other.updated_at > %(machine_now)s - make_interval(secs => least(other.interim_s, 900))
    AND other.started_at + make_interval(secs => other.session_s) > one.started_at + %(settled)s
    AND one.started_at + make_interval(secs => one.session_s) > other.started_at + %(settled)s
WHERE one.district_id = %(district_id)s AND one.stopped_at IS NULL AND one.alias IS NOT NULL
    AND one.framed_address <> ''
    AND one.updated_at > %(machine_now)s - make_interval(secs => least(one.interim_s, 900))
    AND (one.framed_address LIKE '%%:%%') = (other.framed_address LIKE '%%:%%')
ORDER BY one.updated_at DESC LIMIT 1000
"""


def at_sign_in(session: Session, row: WifiSession, *, clock: Clock) -> bool:
    """Sound the alarm when the device of a new session is on line where it cannot have come from; whether it was."""
    values = {
        "district_id": row.district_id,
        "id": row.id,
        "alias": row.alias,
        "gateway_id": row.gateway_id,
        "access_point_mac": row.access_point_mac,
        "since": row.granted_at - LOOKED_BACK,
    }
    for gateway_id, there_mac, at, *places in session.execute(text(ELSEWHERE_SQL), values):
        metres = _distance_m(places)
        apart = row.granted_at - at
        # Access points of one gateway that nobody has placed may hang in one room.
        if (metres is None and gateway_id == row.gateway_id) or not alarms.is_impossible(metres, apart):
            continue
        detail = _detail(row.access_point_mac, there_mac, metres, apart)
        _sound(session, row.district_id, row.alias, detail, clock=clock)
        return True
    return False


def _distance_m(places: list[float | None]) -> float | None:
    lon, lat, other_lon, other_lat = places
    if lon is None or lat is None or other_lon is None or other_lat is None:
        return None
    return distance_m(LonLat(lon=lon, lat=lat), LonLat(lon=other_lon, lat=other_lat))


def _detail(here: str, there: str, metres: float | None, apart: timedelta) -> dict[str, Any]:
    return {
        "access_points": [there, here],
        "distance_m": None if metres is None else round(metres),
        "apart_s": round(abs(apart.total_seconds())),
    }


def _sound(
    session: Session, district_id: uuid.UUID, alias: bytes, detail: dict[str, Any], *, clock: Clock
) -> None:
    alarms.sound(
        session,
        district_id,
        kind=AlarmKind.TWO_PLACES,
        subject=alias.hex(),
        detail=detail,
        at=clock.now(),
    )


async def at_two_addresses(pool: Pool, district_id: uuid.UUID, *, clock: Clock) -> int:
    """Devices that are on line under two addresses at once, for longer than roaming takes; how many."""
    values = {"district_id": district_id, "machine_now": clock.machine_now(), "settled": SETTLED}
    async with pool.connection() as connection:
        rows = await (await connection.execute(ADDRESSES_SQL, values)).fetchall()
        found: dict[bytes, dict[str, Any]] = {}
        for alias, here, there, *access_points in rows:
            detail = {
                "addresses": sorted((here, there)),
                "access_points": sorted({mac for mac in access_points if mac}),
            }
            found.setdefault(bytes(alias), detail)
        for alias, detail in found.items():
            await connection.execute(
                alarms.SOUND_SQL,
                _sounding(district_id, AlarmKind.TWO_ADDRESSES, alias, detail, clock=clock),
            )
    return len(found)


def _sounding(
    district_id: uuid.UUID, kind: AlarmKind, alias: bytes, detail: dict[str, Any], *, clock: Clock
) -> dict[str, Any]:
    return {
        "district_id": district_id,
        "id": new_id(),
        "kind": kind,
        "subject": alias.hex(),
        "detail": json.dumps(detail),
        "at": clock.now(),
    }


async def heard(pool: Pool, district_id: uuid.UUID, *, clock: Clock) -> int:
    """The same by accounting, for sessions that are on; how many devices."""
    values = {
        "district_id": district_id,
        "machine_now": clock.machine_now(),
        "looked_back": LOOKED_BACK,
        "heard_within": HEARD_WITHIN,
    }
    async with pool.connection() as connection:
        rows = await (await connection.execute(HEARD_SQL, values)).fetchall()
        found: dict[bytes, dict[str, Any]] = {}
        for alias, here, there, apart, *places in rows:
            metres = _distance_m(places)
            if metres is not None and alarms.is_impossible(metres, apart):
                found.setdefault(bytes(alias), _detail(here, there, metres, apart))
        for alias, detail in found.items():
            sounding = _sounding(district_id, AlarmKind.TWO_PLACES, alias, detail, clock=clock)
            await connection.execute(alarms.SOUND_SQL, sounding)
    return len(found)
