"""How often something may be done in a period: counted in the database, so that a restart forgets nothing."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth.models import RateCount
from district.clock import Clock
from district.problems import TooMany

NOWHERE = uuid.UUID(int=0)
"""The district of what is counted before anybody knows whose district it concerns."""
LONGEST_PERIOD = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most ``most`` uses of a subject in each period of machine time."""

    subject: str
    period: timedelta
    most: int
    amount: int = 1
    """What one use counts for: more than one where uses cost money."""
    detail: str = "Too many codes were asked for. Wait a while."
    detail_zh: str = "获取验证码过于频繁，请稍后再试。"

    def period_start(self, now: datetime) -> datetime:
        """Where the period that holds an instant starts."""
        length_s = self.period.total_seconds()
        return datetime.fromtimestamp(now.timestamp() // length_s * length_s, tz=now.tzinfo)


def take(session: Session, district_id: uuid.UUID, limit: Limit, *, clock: Clock) -> None:
    """Count one more use, in one statement. A transaction that takes several takes them in one order.

    Raises: TooMany past the limit.
    """
    now = clock.machine_now()
    start = limit.period_start(now)
    statement = insert(RateCount).values(
        district_id=district_id, subject=limit.subject, period_start=start, count=limit.amount
    )
    counted = session.scalar(
        statement.on_conflict_do_update(
            index_elements=["district_id", "subject", "period_start"],
            set_={"count": RateCount.count + limit.amount},
        ).returning(RateCount.count)
    )
    if counted is not None and counted > limit.most:
        wait = start + limit.period - now
        raise TooMany(
            limit.detail,
            retry_after_s=max(1, int(wait.total_seconds()) + 1),
            detail_zh=limit.detail_zh,
        )


def is_spent(session: Session, district_id: uuid.UUID, limit: Limit, *, clock: Clock) -> bool:
    """Whether the next use in this period would be past the limit; nothing is counted."""
    counted = session.scalar(
        select(RateCount.count).where(
            RateCount.district_id == district_id,
            RateCount.subject == limit.subject,
            RateCount.period_start == limit.period_start(clock.machine_now()),
        )
    )
    return counted is not None and counted + limit.amount > limit.most


def give_back(session: Session, district_id: uuid.UUID, limit: Limit, *, clock: Clock) -> None:
    """Take one use back: it turned out to be none."""
    session.execute(
        update(RateCount)
        .where(
            RateCount.district_id == district_id,
            RateCount.subject == limit.subject,
            RateCount.period_start == limit.period_start(clock.machine_now()),
            RateCount.count >= limit.amount,
        )
        .values(count=RateCount.count - limit.amount)
    )


def count(
    session: Session, district_id: uuid.UUID, subject: str, *, period: timedelta, limit: int, clock: Clock
) -> None:
    """Count one more use of a subject in this period. Raises: TooMany past the limit."""
    take(session, district_id, Limit(subject=subject, period=period, most=limit), clock=clock)
