"""Whom a fence would have met: yesterday's members, on cells of 25 m in which enough people were."""

from datetime import datetime, timedelta

from district.campaigns.live import LiveCampaign
from district.districts.service import DistrictInfo
from district.offers.planning import Connection, Range
from district.offers.preview_queries import HAS_POSITIONS_SQL, VISITED_SQL, WALKED_SQL
from geo.coordinates import LonLat
from geo.metric import LocalPlane
from geo.zones import Area

CELL_M = 25.0
VISIT_DAYS = 7
MOST_WALKERS = 500_000
_NEAR_M = 500.0


async def walkers(
    connection: Connection, district: DistrictInfo, live: LiveCampaign, ground: Area, *, now: datetime
) -> Range:
    """The members who were in a cell that the ground touches, on the trading day before this one."""
    step_lon, step_lat = _steps(district.center)
    west, south, east, north = ground.bounds
    values = {
        "district_id": district.id,
        "campaign_id": live.campaign.id,
        **_yesterday(district, now),
        "step_lon": step_lon,
        "step_lat": step_lat,
        "west": west - step_lon,
        "east": east + step_lon,
        "south": south - step_lat,
        "north": north + step_lat,
        "limit": MOST_WALKERS,
    }
    rows = await (await connection.execute(WALKED_SQL.encode(), values)).fetchall()
    return Range(members=sorted(row[0] for row in rows))


async def has_positions(connection: Connection, district: DistrictInfo, *, now: datetime) -> bool:
    """Whether anybody's positions of the trading day before this one are known: they live for a day."""
    values = {"district_id": district.id, **_yesterday(district, now)}
    row = await (await connection.execute(HAS_POSITIONS_SQL, values)).fetchone()
    return bool(row and row[0])


async def visitors(
    connection: Connection, district: DistrictInfo, live: LiveCampaign, *, now: datetime
) -> Range:
    """The members who visited stores on the ground in the last days, where nothing better is known."""
    values = {
        "district_id": district.id,
        "campaign_id": live.campaign.id,
        "since": now - timedelta(days=VISIT_DAYS),
        "until": now,
        "limit": MOST_WALKERS,
    }
    rows = await (await connection.execute(VISITED_SQL.encode(), values)).fetchall()
    return Range(members=sorted(row[0] for row in rows))


def _yesterday(district: DistrictInfo, now: datetime) -> dict[str, datetime]:
    day = district.trading_day(now)
    return {"since": district.day_starts_at(day - timedelta(days=1)), "until": district.day_starts_at(day)}


def _steps(center: LonLat) -> tuple[float, float]:
    """A cell's sides in degrees, as long as they are at the district's centre."""
    plane = LocalPlane(anchor=center, radius_m=_NEAR_M)
    corner = plane.position_at(x_m=CELL_M, y_m=CELL_M)
    return corner.lon - center.lon, corner.lat - center.lat
