"""Retention of the queue: codes for minutes, finished messages for days."""

import uuid
from datetime import datetime, timedelta

from district.database import Pool
from district.outbox.queries import DROP_FINISHED_SQL, FORGET_CODES_SQL

CODE_LIFE = timedelta(minutes=10)
MESSAGE_LIFE = timedelta(days=7)
LOOK_BACK = timedelta(days=1)
"""Codes expire within minutes: older ones were seen by an earlier round."""


async def forget(pool: Pool, district_id: uuid.UUID, *, machine_now: datetime) -> None:
    """Take numbers and codes out of code messages that are over; drop messages that ended long ago.

    Ids grow with time, so their order stands in for an index on the end.
    """
    codes_before, dropped_before = machine_now - CODE_LIFE, machine_now - MESSAGE_LIFE
    async with pool.connection() as connection:
        await connection.execute(
            FORGET_CODES_SQL,
            {
                "district_id": district_id,
                "before": codes_before,
                "from_id": least_id(codes_before - LOOK_BACK),
            },
        )
        await connection.execute(
            DROP_FINISHED_SQL,
            {"district_id": district_id, "before": dropped_before, "below_id": least_id(dropped_before)},
        )


def least_id(at: datetime) -> uuid.UUID:
    """The least UUIDv7 of a moment (RFC 9562 §5.7: 48 bits of milliseconds come first)."""
    return uuid.UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
