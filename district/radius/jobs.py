"""What RADIUS needs done from time to time: sessions of which nothing is heard end, tokens are forgotten."""

from datetime import timedelta

from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import Pool
from district.districts.service import DistrictInfo
from district.radius import sessions
from district.radius.queries import CLOSE_LOST_SQL, FORGET_PLACES_SQL, FORGET_TOKENS_SQL

TOKENS_KEPT = timedelta(minutes=10)
CLOSED_AT_ONCE = 500


def close_lost(session: Session, district: DistrictInfo, *, clock: Clock) -> int:
    """End sessions whose Stop was lost: nothing was heard of them for two intervals. How many there were.

    They end when they were last heard of. One that is heard of again later comes back.
    """
    values = {
        "district_id": district.id,
        "machine_now": clock.machine_now(),
        "lost": sessions.LOST,
        "limit": CLOSED_AT_ONCE,
    }
    changes = [tuple(row) for row in session.connection().exec_driver_sql(CLOSE_LOST_SQL, values)]
    sessions.follow(session, district, changes, clock=clock)
    return len(changes)


async def forget_tokens(pool: Pool, district: DistrictInfo, *, clock: Clock) -> None:
    """Delete one-time tokens, and places of devices, some minutes after their end."""
    async with pool.connection() as connection:
        values = {"district_id": district.id, "before": clock.machine_now() - TOKENS_KEPT}
        await connection.execute(FORGET_TOKENS_SQL, values)
        await connection.execute(FORGET_PLACES_SQL, values)
