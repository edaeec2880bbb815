"""What is done when somebody sets the database's clock: every lease, retry and pause was written by the old time.

A clock that is set on ends leases whose owners still send; one that is set back holds everything for the length of the
step. Both are seen by counting beside it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock, Reading, counted, speed_of
from push.delivery import RetryPolicy

log = structlog.get_logger()
Connection = AsyncConnection[TupleRow]
AT_ONCE: Final = 5_000

HELD_DISTRICTS_SQL: Final = """
SELECT district_id FROM outbox_message
WHERE finished_at IS NULL AND state IN ('queued', 'leased', 'sending') AND channel = ANY(%(channels)s::text[])
  AND (retry_at > clock_timestamp() + %(longest_delay)s OR due_at > %(now)s AND due_at <= %(was)s)
UNION
SELECT district_id FROM channel_provider
WHERE channel = ANY(%(channels)s::text[]) AND paused_until > clock_timestamp() + %(longest_pause)s
"""

# What is leased now may come back to the queue as it is.
FREE_SQL: Final = """
UPDATE outbox_message AS message
SET retry_at = least(retry_at, clock_timestamp()), due_at = CASE WHEN due_at <= %(was)s THEN least(due_at, %(now)s)
                                                                 ELSE due_at END
WHERE message.district_id = %(district_id)s AND message.id IN (
    SELECT id FROM outbox_message
    WHERE district_id = %(district_id)s AND finished_at IS NULL AND state IN ('queued', 'leased', 'sending')
      AND channel = ANY(%(channels)s::text[])
      AND (retry_at > clock_timestamp() + %(longest_delay)s OR due_at > %(now)s AND due_at <= %(was)s)
    ORDER BY retry_at LIMIT %(at_once)s FOR UPDATE SKIP LOCKED)
"""

END_PAUSES_SQL: Final = """
UPDATE channel_provider SET paused_until = NULL, pause_reason = ''
WHERE district_id = %(district_id)s AND channel = ANY(%(channels)s::text[])
  AND paused_until > clock_timestamp() + %(longest_pause)s
"""


@dataclass(slots=True, kw_only=True)
class DatabaseTime:
    """The database's clock as one lane sees it. settles: how long leases last."""

    settles: timedelta
    _last: Reading | None = None
    _leases: Reading | None = None
    """Counted on from this, leases of messages that are leaving end: by the old time, as long as there may be such."""
    _since_s: float = 0.0
    """Since when nobody has set it, as far as is known here."""

    def seen(self, reading: Reading) -> timedelta | None:
        """How far it was set since it was looked at last; None the first time."""
        if not reading.is_sharp:
            return timedelta(0)
        step = self._last.step_to(reading) if self._last is not None else None
        self._last = reading
        if step != timedelta(0):
            self._since_s = reading.after_s
        if self._leases is None or self.is_settled:
            self._leases = reading
        return step

    @property
    def longest_lease(self) -> timedelta:
        """No lease that was taken by the present time ends later than this from now, not even of a worker of another version."""
        return self.settles * 2

    @property
    def age_s(self) -> float:
        """How long ago it was looked at."""
        return counted() - self._last.after_s if self._last is not None else float("inf")

    @property
    def is_settled(self) -> bool:
        """Whether every lease that ends later than leases last is from before it was set, and over."""
        return self._last is not None and counted() - self._since_s >= self.settles.total_seconds()

    @property
    def leases_end(self) -> datetime | None:
        """What leases of messages that are leaving are compared with, besides the clock itself; None: nothing."""
        return self._leases.counted_on(counted()) if self._leases is not None else None


async def free(
    connection: Connection,
    channels: Collection[str],
    *,
    step: timedelta | None,
    clock: Clock,
    retry: RetryPolicy,
) -> None:
    """Make due what waits for a time that the database's clock has left behind, if it was set back by this step.

    What had become due by the old business time stays due; whether it may leave is asked by the new one. Where nobody
    knows whether it was set (None: a worker begins), only what waits longer than anything does. It costs a try that is
    too early: a provider that rests is remembered by whoever found it resting.
    """
    if step is not None and step >= timedelta(0):
        return
    nothing, now = timedelta(0), clock.now()
    values = {
        "channels": list(channels),
        "longest_delay": nothing if step else retry.longest_delay,
        "longest_pause": nothing if step else retry.longest_pause,
        "now": now,
        "was": now - (step or nothing) * speed_of(clock),
        "at_once": AT_ONCE,
    }
    for (district_id,) in await (await connection.execute(HELD_DISTRICTS_SQL, values)).fetchall():
        log.warning("deliveries.clock_set_back", district=str(district_id), step=str(step or "unknown"))
        await connection.execute(END_PAUSES_SQL, values | {"district_id": district_id})
        freed = AT_ONCE
        while freed == AT_ONCE:
            freed = (await connection.execute(FREE_SQL, values | {"district_id": district_id})).rowcount
