"""Retention: what has been kept long enough goes, by itself."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from district.audiences import removed
from district.auth.limits import LONGEST_PERIOD, NOWHERE
from district.database import Pool
from district.privacy.queries import FORGET

RADIUS_SESSIONS_AT_ONCE = 20_000
"""In one minute: a large district ends some 200 in it."""
REDIRECTS_KEPT = timedelta(days=30)
SENT_CODES_KEPT = timedelta(minutes=15)
"""A code lives ten minutes; the demo's operator page shows it as long."""
UNSENT_CODES_KEPT = timedelta(hours=24)
WIFI_LOG_KEPT = timedelta(days=180)
CONSENT_TRACES_KEPT = timedelta(days=180)
"""From which address and by which agent a consent was given; the consent itself stays."""
TEXTS_KEPT = timedelta(days=30)
"""Ids of text messages, which say nothing of who sent them; their signatures live five minutes."""
RADIUS_SESSIONS_KEPT = timedelta(days=180)
MEMBER_EVENTS_KEPT = timedelta(days=180)
LISTS_KEPT = timedelta(days=400)
"""Uploaded numbers and addresses, after which their owner brings them anew."""
SIGN_INS_KEPT = timedelta(days=400)
"""Devices under names of one day, so that a year can be compared with the year before."""


async def forget(
    pool: Pool,
    district_id: uuid.UUID,
    *,
    now: datetime,
    machine_now: datetime,
    radius_sessions_kept: timedelta = RADIUS_SESSIONS_KEPT,
    member_events_kept: timedelta = MEMBER_EVENTS_KEPT,
) -> Mapping[str, int]:
    """Drop what is over in one district; how many rows, by what they were. ``now`` is business time."""
    values = {
        "district_id": district_id,
        "now": machine_now,
        "a_day_ago": machine_now - 2 * LONGEST_PERIOD,
        "redirects_before": machine_now - REDIRECTS_KEPT,
        "codes_before": machine_now - SENT_CODES_KEPT,
        "codes_made_before": now - UNSENT_CODES_KEPT,
        "wifi_before": now - WIFI_LOG_KEPT,
        "traces_before": now - CONSENT_TRACES_KEPT,
        "sign_ins_before": now - SIGN_INS_KEPT,
        "texts_before": machine_now - TEXTS_KEPT,
        "radius_before": now - radius_sessions_kept,
        "events_before": now - member_events_kept,
        "lists_before": now - LISTS_KEPT,
        "removed_before": machine_now - removed.KEPT,
        "at_once": RADIUS_SESSIONS_AT_ONCE,
    }
    counts = {}
    async with pool.connection() as connection:
        for name, statement in FORGET.items():
            cursor = await connection.execute(statement, values)
            counts[name] = cursor.rowcount
    return counts


async def forget_nowhere(pool: Pool, *, machine_now: datetime) -> int:
    """Drop the counts that belong to no district."""
    values = {"district_id": NOWHERE, "a_day_ago": machine_now - 2 * LONGEST_PERIOD}
    async with pool.connection() as connection:
        return (await connection.execute(FORGET["rate_count"], values)).rowcount
