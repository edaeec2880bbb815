"""What an operator sets for all campaigns of a district, and what decisions are made of: policy, fitted model, prices."""

import uuid
from dataclasses import asdict, dataclass
from datetime import time, timedelta
from typing import Final, Self

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from district.clock import monotonic
from district.database import Pool
from district.districts.service import DistrictInfo
from district.offers import exposure_queries, policy_queries
from push.arbitration import Fairness, Market, Standing
from push.holdout import BUCKETS_A_PERCENT
from push.identifiers import MerchantId
from push.limits import CapRule, CapScope, Period, QuietHours, TradingDay
from push.policy import DecisionPolicy
from push.ranking import TYPICAL_SPEND_MINOR
from push.redeem_model import ModelUnreadable, RedeemModel

Connection = AsyncConnection[TupleRow]
STEP_SHARE: Final = 0.001
"""A price moves by this share of a typical bill for each moment that a merchant wins above his share."""
REFRESH_AFTER_S: Final = 2.0
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A district's own, or the default. Minutes are from midnight by the district's clocks."""

    offers_per_day: int = 2
    offers_per_7d: int | None = None
    merchant_per_day: int | None = None
    gap_min: int = 30
    control_pct: int = 0
    holdout_pct: int = 10
    quiet_from: int = 21 * 60
    quiet_until: int = 9 * 60
    share_pct: int = 150
    explore_pct: int = 5
    typical_spend_minor: int = TYPICAL_SPEND_MINOR
    fatigue_minor: int = 2
    version: int = 0

    @property
    def fairness(self) -> Fairness:
        return Fairness(
            share_cap=self.share_pct / 100,
            step_minor=self.typical_spend_minor * STEP_SHARE,
            explore_share=self.explore_pct / 100,
            fatigue_minor=float(self.fatigue_minor),
        )

    @property
    def quiet(self) -> QuietHours:
        return QuietHours(start=_clock_time(self.quiet_from), end=_clock_time(self.quiet_until))

    @property
    def caps(self) -> tuple[tuple[CapScope, CapRule], ...]:
        """What no campaign can get round."""
        wanted = (
            (CapScope.GLOBAL, self.offers_per_day, Period.DAY),
            (CapScope.GLOBAL, self.offers_per_7d, Period.SEVEN_DAYS),
            (CapScope.MERCHANT, self.merchant_per_day, Period.DAY),
        )
        return tuple((scope, CapRule(n=n, per=per)) for scope, n, per in wanted if n is not None)

    def values(self) -> dict[str, int | None]:
        """Its columns, but for the version."""
        return {name: value for name, value in asdict(self).items() if name != "version"}

    def changed(self, changes: dict[str, int | None]) -> Self:
        return type(self)(**(asdict(self) | changes))


DEFAULT: Final = Policy()


async def load(connection: Connection, district_id: uuid.UUID) -> Policy:
    """What holds in a district."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(policy_queries.POLICY_SQL, {"district_id": district_id})
        row = await cursor.fetchone()
    return DEFAULT if row is None else Policy(**row)


async def decision_policy(
    connection: Connection, district: DistrictInfo, *, fresh_for: timedelta
) -> DecisionPolicy:
    """Everything that decisions take as given, as it stands now. Raises: psycopg.Error."""
    policy = await load(connection, district.id)
    return decision_policy_of(
        district,
        policy,
        fresh_for=fresh_for,
        model=await _model(connection, district.id),
        market=await _market(connection, district, policy),
        point_minor=await _point_minor(connection, district.id),
    )


async def current(pool: Pool, district: DistrictInfo, *, fresh_for: timedelta) -> DecisionPolicy:
    """The same, on a connection of its own."""
    async with pool.connection() as connection:
        return await decision_policy(connection, district, fresh_for=fresh_for)


def decision_policy_of(
    district: DistrictInfo,
    policy: Policy = DEFAULT,
    *,
    fresh_for: timedelta,
    model: RedeemModel | None = None,
    market: Market | None = None,
    point_minor: int = 1,
) -> DecisionPolicy:
    """The same of values."""
    return DecisionPolicy(
        day=TradingDay(zone=district.zone, starts_at=district.day_start),
        quiet=policy.quiet,
        fresh_for=fresh_for,
        control_buckets=policy.control_pct * BUCKETS_A_PERCENT,
        holdout_percent=float(policy.holdout_pct),
        typical_spend_minor=policy.typical_spend_minor,
        point_minor=point_minor,
        shared_caps=policy.caps,
        gap=timedelta(minutes=policy.gap_min) if policy.gap_min else None,
        model=model or RedeemModel(),
        market=market or Market(fairness=policy.fairness, seed=str(district.id)),
    )


async def _point_minor(connection: Connection, district_id: uuid.UUID) -> int:
    cursor = await connection.execute(policy_queries.POINT_SQL, {"district_id": district_id})
    row = await cursor.fetchone()
    return 1 if row is None else int(row[0])


async def _model(connection: Connection, district_id: uuid.UUID) -> RedeemModel:
    cursor = await connection.execute(policy_queries.NEWEST_MODEL_SQL, {"district_id": district_id})
    row = await cursor.fetchone()
    if row is None:
        return RedeemModel()
    try:
        return RedeemModel.of_document(row[1], version=row[0])
    except ModelUnreadable:
        log.warning("model.unreadable", district=str(district_id), version=row[0])
        return RedeemModel(version=row[0])


async def _market(connection: Connection, district: DistrictInfo, policy: Policy) -> Market:
    cursor = await connection.execute(exposure_queries.PRICES_SQL, {"district_id": district.id})
    standings = {
        MerchantId(merchant_id): Standing(price_minor=price_minor, served=served)
        for merchant_id, price_minor, served in await cursor.fetchall()
    }
    return Market(fairness=policy.fairness, standings=standings, seed=str(district.id))


@dataclass(kw_only=True)
class Current:
    """What decisions of one district take as given, read again when it is older than a moment."""

    pool: Pool
    district: DistrictInfo
    fresh_for: timedelta
    _found: DecisionPolicy | None = None
    _found_at_s: float = 0.0

    async def policy(self) -> DecisionPolicy:
        """Raises: psycopg.Error."""
        now_s = monotonic()
        if self._found is None or now_s - self._found_at_s > REFRESH_AFTER_S:
            self._found = await current(self.pool, self.district, fresh_for=self.fresh_for)
            self._found_at_s = now_s
        return self._found


def _clock_time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
