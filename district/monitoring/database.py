"""What the database says of a district."""

from datetime import datetime

import psycopg

from district.deliveries.queries import WAITING_SQL as QUEUE_SQL
from district.districts.service import DistrictInfo
from district.monitoring.figures import Sample

SIGHTINGS_SQL = """
SELECT outcome, sum(rows) FROM feed_health
WHERE district_id = %(district_id)s AND trading_day = %(day)s GROUP BY outcome
"""
REFUSALS_SQL = """
SELECT reason, sum(times) FROM refusal WHERE district_id = %(district_id)s AND trading_day = %(day)s GROUP BY reason
"""
DELIVERIES_SQL = (
    "SELECT state, count(*) FROM outbox_message WHERE district_id = %(district_id)s GROUP BY state"
)
ACTS_SQL = """
SELECT (SELECT count(*) FROM offer
        WHERE district_id = %(district_id)s AND issued_at >= %(since)s
          AND campaign_id IN (SELECT id FROM campaign WHERE district_id = %(district_id)s)),
       (SELECT count(*) FROM redemption
        WHERE district_id = %(district_id)s AND redeemed_at >= %(since)s AND reversed_at IS NULL),
       (SELECT epoch FROM engine_owner WHERE district_id = %(district_id)s),
       (SELECT rewinds FROM engine_owner WHERE district_id = %(district_id)s),
       (SELECT max(last_at) FROM feed_health
        WHERE district_id = %(district_id)s AND trading_day = %(day)s AND outcome = 'recorded')
"""


WIFI_SQL = """
SELECT (SELECT count(*) FROM session_ending WHERE district_id = %(district_id)s AND done_at IS NULL),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(requested_at)), 0) FROM session_ending
        WHERE district_id = %(district_id)s AND done_at IS NULL),
       (SELECT count(*) FROM nas_clock WHERE district_id = %(district_id)s AND abs(ahead_s) > 120
          AND heard_at > clock_timestamp() - interval '1 hour'),
       (SELECT coalesce(sum(packets), 0) FROM nas_clock WHERE district_id = %(district_id)s)
"""
WAITING_SQL = """
SELECT count(*), coalesce(extract(epoch FROM %(now)s - min(due_at)), 0),
       (SELECT coalesce(extract(epoch FROM %(now)s - min(next_at)), 0) FROM occurrence
        JOIN campaign ON campaign.district_id = occurrence.district_id AND campaign.id = occurrence.campaign_id
        WHERE occurrence.district_id = %(district_id)s AND occurrence.state IN ('due', 'planning')
          AND next_at <= %(now)s AND campaign.state = 'live')
FROM pending_trigger WHERE district_id = %(district_id)s AND done_at IS NULL AND due_at <= %(now)s
"""
WAITING_NAMES = (
    "shangquan_happenings_waiting",
    "shangquan_happenings_oldest_seconds",
    "shangquan_occurrences_late_seconds",
)
WIFI_NAMES = (
    "shangquan_session_endings_waiting",
    "shangquan_session_endings_oldest_seconds",
    "shangquan_nas_clocks_wrong",
    "shangquan_nas_times_disbelieved",
)


QUEUE_NAMES = (
    "shangquan_deliveries_waiting",
    "shangquan_deliveries_oldest_seconds",
    "shangquan_deliveries_sending_oldest_seconds",
)


async def of_district(
    connection: psycopg.AsyncConnection[tuple[object, ...]], info: DistrictInfo, now: datetime
) -> list[Sample]:
    """Everything of one district. Raises: psycopg.Error when the database is away."""
    day = info.trading_day(now)
    values = {"district_id": info.id, "day": day, "since": info.day_starts_at(day)}
    found: list[Sample] = []
    for name, sql in (
        ("shangquan_sightings_today", SIGHTINGS_SQL),
        ("shangquan_refusals_today", REFUSALS_SQL),
        ("shangquan_deliveries", DELIVERIES_SQL),
    ):
        rows = await (await connection.execute(sql.encode(), values)).fetchall()
        found += [
            Sample(name=name, value=float(str(count)), labels=(info.slug, str(word))) for word, count in rows
        ]
    found += await _of_queue(connection, info, now)
    row = await (await connection.execute(ACTS_SQL.encode(), values)).fetchone()
    assert row is not None  # noqa: S101  a row of sub-selects
    offers, redemptions, epoch, rewinds, recorded_at = row
    numbers = {
        "shangquan_offers_today": offers,
        "shangquan_redemptions_today": redemptions,
        "shangquan_engine_epoch": epoch,
        "shangquan_engine_rewinds": rewinds,
        "shangquan_recorded_at_seconds": recorded_at.timestamp()
        if isinstance(recorded_at, datetime)
        else None,
    }
    of_wifi = await (await connection.execute(WIFI_SQL.encode(), values)).fetchone()
    numbers |= dict(zip(WIFI_NAMES, of_wifi or (), strict=True))
    waiting = await (await connection.execute(WAITING_SQL.encode(), values | {"now": now})).fetchone()
    numbers |= dict(zip(WAITING_NAMES, waiting or (), strict=True))
    return found + [
        Sample(name=name, value=max(0.0, float(str(value))), labels=(info.slug,))
        for name, value in numbers.items()
        if value is not None
    ]


async def _of_queue(
    connection: psycopg.AsyncConnection[tuple[object, ...]], info: DistrictInfo, now: datetime
) -> list[Sample]:
    """What is due and what is on its way, by channel."""
    values = {"district_id": info.id, "now": now}
    rows = await (await connection.execute(QUEUE_SQL.encode(), values)).fetchall()
    found: list[Sample] = []
    for channel, waiting, oldest_s, _sending, oldest_sending_s in rows:
        for name, value in zip(QUEUE_NAMES, (waiting, oldest_s, oldest_sending_s), strict=True):
            figure = max(0.0, float(str(value)))
            found.append(Sample(name=name, value=figure, labels=(info.slug, str(channel))))
    return found
