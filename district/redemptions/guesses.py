"""Tries that are counted, over restarts and however many come at once: of a till, and of one coupon."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from district.clock import Clock
from district.database import Pool
from district.problems import TooMany
from district.redemptions import queries
from district.redemptions.refusals import CouponLocked

UNKNOWN_LIMIT = 20
UNKNOWN_PERIOD = timedelta(minutes=10)
OFFER_LIMIT = 5


@dataclass(frozen=True, kw_only=True)
class Tries:
    """What is counted: so many in a period, of one subject."""

    district_id: uuid.UUID
    subject: str
    most: int
    refusal: type[TooMany]
    detail: str

    async def check(self, pool: Pool, clock: Clock) -> None:
        """Raises: the refusal, when there were too many already."""
        values = self.values(clock.machine_now())
        async with pool.connection() as connection:
            row = await (await connection.execute(queries.UNKNOWN_COUNT_SQL, values)).fetchone()
        self.judge(0 if row is None else row[0], clock.machine_now())

    def judge(self, count: int, machine_now: datetime) -> None:
        """Raises: the refusal, when there were so many already."""
        if count >= self.most:
            raise self._refused(machine_now)

    async def take(self, pool: Pool, clock: Clock) -> dict[str, Any]:
        """Count one more: however many come at once, no more than ``most`` pass. What gives it back. Raises: the refusal."""
        values = self.values(clock.machine_now())
        async with pool.connection() as connection:
            row = await (await connection.execute(queries.COUNT_UNKNOWN_SQL, values)).fetchone()
        if row is not None and row[0] > self.most:
            raise self._refused(clock.machine_now())
        return values

    def values(self, machine_now: datetime) -> dict[str, Any]:
        """The key of the count of now."""
        return {
            "district_id": self.district_id,
            "subject": self.subject,
            "period_start": period_start(machine_now),
        }

    def _refused(self, machine_now: datetime) -> TooMany:
        wait = period_start(machine_now) + UNKNOWN_PERIOD - machine_now
        return self.refusal(self.detail, retry_after_s=max(1, int(wait.total_seconds())))


async def give_back(pool: Pool, taken: dict[str, Any]) -> None:
    """The try was none."""
    async with pool.connection() as connection:
        await connection.execute(queries.UNCOUNT_SQL, taken)


def period_start(machine_now: datetime) -> datetime:
    """When the period that is counted now began."""
    period_s = UNKNOWN_PERIOD.total_seconds()
    return datetime.fromtimestamp(machine_now.timestamp() // period_s * period_s, tz=machine_now.tzinfo)


def of_till(district_id: uuid.UUID, till: str) -> Tries:
    """Unknown codes at one till."""
    return Tries(
        district_id=district_id,
        subject=f"unknown:{till}",
        most=UNKNOWN_LIMIT,
        refusal=TooMany,
        detail="This till asked for too many unknown codes; wait, then scan the QR code.",
    )


def of_offer(district_id: uuid.UUID, offer_id: uuid.UUID) -> Tries:
    """Refused codes of one coupon, at whichever till."""
    return Tries(
        district_id=district_id,
        subject=offer_subject(offer_id),
        most=OFFER_LIMIT,
        refusal=CouponLocked,
        detail="This coupon was refused too often; wait, then show its page again.",
    )


def of_unlocking(district_id: uuid.UUID, offer_id: uuid.UUID) -> Tries:
    """Numbers of tills that a member typed for one coupon."""
    return Tries(
        district_id=district_id,
        subject=f"unlock:{offer_id}",
        most=OFFER_LIMIT,
        refusal=CouponLocked,
        detail="Too many numbers were wrong; wait, or show the QR code.",
    )


def offer_subject(offer_id: uuid.UUID) -> str:
    """What refused codes of a coupon are counted under."""
    return f"offer:{offer_id}"
