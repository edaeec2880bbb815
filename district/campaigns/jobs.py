"""What the clock and the stock do to campaigns: they start, run out, go on and end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.campaigns import queries
from district.campaigns.history import CLOCK
from district.campaigns.service import CHANNEL
from district.database import Pool, new_id, transaction
from push.campaign_life import CampaignState, Standing, all_due


async def advance(pool: Pool, district_id: UUID, *, now: datetime) -> int:
    """Take every step that is due at this business time; how many campaigns changed. Any number of workers may ask."""
    moved = 0
    async with transaction(pool) as connection:
        values = {"district_id": district_id, "now": now}
        rows = await (await connection.execute(queries.DUE_SQL, values)).fetchall()
        for row in rows:
            moved += await _advance_one(connection, values, row)
        if moved:
            await connection.execute(queries.NOTIFY_SQL, {"channel": CHANNEL, "payload": str(district_id)})
    return moved


async def _advance_one(
    connection: AsyncConnection[TupleRow], values: dict[str, Any], row: Sequence[Any]
) -> bool:
    """One row of DUE_SQL, which the driver leaves untyped; whether anything was due after all."""
    id_, before, starts_at, ends_at, holds_until, is_exhausted, has_stores, version = row
    standing = Standing(
        state=CampaignState(before),
        starts_at=starts_at,
        ends_at=ends_at,
        holds_until=holds_until,
        is_exhausted=bool(is_exhausted),
        has_stores=has_stores,
    )
    steps = list(all_due(standing, values["now"]))
    for action, state in steps:
        told = {"id": id_, "event_id": new_id(), "what": action.value, "before": before, "state": state.value}
        await connection.execute(queries.NOTE_SQL, values | told | {"version": version, "role": CLOCK})
        before = state.value
    if steps:
        await connection.execute(queries.MOVE_SQL, values | {"id": id_, "state": before})
    return bool(steps)
