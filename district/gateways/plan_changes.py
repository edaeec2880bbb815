"""Plans that are changed while people are on line under them: which sessions must be told, and what their NAS said."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import notify
from district.gateways.models import Plan, SessionChange

CHANNEL: Final = "session_change"
LEASE: Final = timedelta(seconds=30)
FIRST_PAUSE: Final = timedelta(seconds=2)
MOST_ATTEMPTS: Final = 5
"""A session that could not be told keeps its limits until it authenticates again."""
MAX_ANSWER: Final = 300
LIMITS: Final = frozenset(
    {"session_s", "idle_s", "down_kbps", "up_kbps", "volume_kib", "daily_s", "daily_kib"}
)
"""What a NAS is told of; the number of devices counts at the next log-in."""

# Sessions that RADIUS told of and has not seen the end of; what a session was asked before is replaced.
ASK_SQL: Final = """
INSERT INTO session_change (district_id, wifi_session_id, requested_at, retry_at)
SELECT w.district_id, w.id, :machine_now, :machine_now FROM wifi_session w
WHERE w.district_id = :district_id AND w.plan_id = :plan_id AND w.ended_at IS NULL
    AND EXISTS (SELECT FROM radius_session s WHERE s.district_id = w.district_id AND s.wifi_session_id = w.id
                AND s.stopped_at IS NULL)
ON CONFLICT (district_id, wifi_session_id) DO UPDATE SET
    requested_at = EXCLUDED.requested_at, retry_at = EXCLUDED.retry_at, attempts = 0, done_at = NULL, answer = ''
"""
EXPIRE_SQL: Final = """
UPDATE wifi_session SET expires_at = granted_at + make_interval(secs => CAST(:session_s AS bigint))
WHERE district_id = :district_id AND plan_id = :plan_id AND ended_at IS NULL
"""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """One session to be told, by one worker."""

    district_id: uuid.UUID
    wifi_session_id: uuid.UUID
    attempt: int
    requested_at: datetime


def apply(session: Session, row: Plan, values: Mapping[str, Any], *, clock: Clock) -> int:
    """Change a plan, and have every running session under it told, as soon as this commits; how many there are."""
    has_changed = any(getattr(row, name) != values[name] for name in LIMITS & values.keys())
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    if not has_changed:
        return 0
    of = {"district_id": row.district_id, "plan_id": row.id}
    session.execute(text(EXPIRE_SQL), of | {"session_s": row.session_s})
    asked: Any = session.execute(text(ASK_SQL), of | {"machine_now": clock.machine_now()})
    notify(session, CHANNEL, str(row.district_id))
    return int(asked.rowcount)


def due_districts(session: Session, *, machine_now: datetime) -> list[uuid.UUID]:
    """Districts in which a session is to be told now."""
    found = select(SessionChange.district_id).where(
        SessionChange.done_at.is_(None), SessionChange.retry_at <= machine_now
    )
    return list(session.scalars(found.distinct()))


def claim(session: Session, district_id: uuid.UUID, *, machine_now: datetime, most: int) -> list[Claimed]:
    """Take changes that are due and that no other worker has."""
    due = (
        select(SessionChange)
        .where(
            SessionChange.district_id == district_id,
            SessionChange.done_at.is_(None),
            SessionChange.retry_at <= machine_now,
        )
        .order_by(SessionChange.retry_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for row in session.scalars(due).all():
        row.attempts, row.retry_at = row.attempts + 1, machine_now + LEASE
        claimed.append(
            Claimed(
                district_id=row.district_id,
                wifi_session_id=row.wifi_session_id,
                attempt=row.attempts,
                requested_at=row.requested_at,
            )
        )
    session.flush()
    return claimed


def record(session: Session, claimed: Claimed, *, is_done: bool, words: str, clock: Clock) -> None:
    """Keep what came of an attempt, unless the plan was changed again meanwhile."""
    key = (claimed.district_id, claimed.wifi_session_id)
    row = session.get(SessionChange, key, with_for_update=True)
    if row is None or row.requested_at != claimed.requested_at or row.attempts != claimed.attempt:
        return
    now = clock.machine_now()
    row.answer = words[:MAX_ANSWER]
    if is_done or claimed.attempt >= MOST_ATTEMPTS:
        row.done_at = now
    else:
        row.retry_at = now + FIRST_PAUSE * 2 ** (claimed.attempt - 1)
    session.flush()
