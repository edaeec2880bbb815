"""What the calendar brings about: birthdays of members who named theirs, and members who have stayed away."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

import structlog

from district.campaigns.trigger_queries import BIRTHDAYS_SQL, GREETING_CAMPAIGNS_SQL, LAPSED_SQL
from district.campaigns.triggers import Happening, NewTrigger, enqueue_all
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from geo.wall_clock import instant

GREETED_AT = time(10)
"""By the district's clocks; a campaign with hours waits for them, until the trading day ends."""
log = structlog.get_logger()


async def enqueue_due(pool: Pool, district: DistrictInfo, *, now: datetime) -> int:
    """Queue what this trading day brings, as far as live campaigns wait for it; how many are new. Asking again is free."""
    day = district.trading_day(now)
    async with transaction(pool) as connection:
        cursor = await connection.execute(GREETING_CAMPAIGNS_SQL, {"district_id": district.id})
        asked = list(await cursor.fetchall())
        found: list[NewTrigger] = []
        if any(kind == Happening.BIRTHDAY for _, kind, _ in asked):
            values = {"district_id": district.id, **_birthdays(day), "key": f"birthday:{day.year}"}
            rows = await (await connection.execute(BIRTHDAYS_SQL, values)).fetchall()
            found += (_birthday(district, day, row[0], now) for row in rows)
        for campaign_id, kind, days in asked:
            if kind == Happening.LAPSED:
                since = district.day_starts_at(day - timedelta(days=days + 1))
                values = {
                    "district_id": district.id,
                    "campaign_id": campaign_id,
                    "since": since,
                    "before": district.day_starts_at(day - timedelta(days=days)),
                    "key": f"lapsed:{day - timedelta(days=days + 1)}",
                }
                rows = await (await connection.execute(LAPSED_SQL, values)).fetchall()
                found += _lapsed(district, day, campaign_id, dict(rows), now)
        return await enqueue_all(connection, district.id, found)


def _birthdays(day: date) -> dict[str, list[int]]:
    """Today's months and days; who was born on a leap day is greeted on the last of February in other years."""
    is_leap = (day.replace(month=3, day=1) - timedelta(days=1)).day == 29
    last = (day.month, day.day) == (2, 28) and not is_leap
    return {"months": [day.month, *([2] if last else [])], "days": [day.day, *([29] if last else [])]}


def _birthday(district: DistrictInfo, day: date, member_id: uuid.UUID, now: datetime) -> NewTrigger:
    return NewTrigger(
        kind=Happening.BIRTHDAY,
        member_id=member_id,
        occurrence_key=f"birthday:{day.year}",
        at=now,
        due_at=_due(district, day, now),
        expires_at=district.day_starts_at(day + timedelta(days=1)),
    )


def _lapsed(
    district: DistrictInfo,
    day: date,
    campaign_id: uuid.UUID,
    last_at: Mapping[uuid.UUID, datetime],
    now: datetime,
) -> Iterator[NewTrigger]:
    due_at = _due(district, day, now)
    for member_id, at in last_at.items():
        yield NewTrigger(
            kind=Happening.LAPSED,
            member_id=member_id,
            campaign_id=campaign_id,
            occurrence_key=f"lapsed:{district.trading_day(at)}",
            at=now,
            due_at=due_at,
            expires_at=district.day_starts_at(day + timedelta(days=1)),
            facts={"away_s": int((due_at - at).total_seconds())},
        )


def _due(district: DistrictInfo, day: date, now: datetime) -> datetime:
    return max(now, instant(datetime.combine(day, GREETED_AT), district.zone))
