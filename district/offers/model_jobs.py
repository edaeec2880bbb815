"""Fitting the model of who redeems, once a day and district, to offers whose time is over."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import structlog
from psycopg.types.json import Jsonb

from district.database import Pool
from district.districts.service import DistrictInfo
from district.offers import policy_queries as queries
from district.offers.policy_schemas import BinAnswer, ReliabilityAnswer
from push.redeem_fit import Fitted, History, Reliability, fit
from push.redeem_model import FEATURES

EVERY: Final = timedelta(days=1)
LOOK_EVERY: Final = timedelta(minutes=10)
MOST_ROWS: Final = 50_000
"""The newest offers that are looked at: bounded, and a season long for most districts."""
VERSIONS_KEPT: Final = 60
log = structlog.get_logger()


async def refit(pool: Pool, district: DistrictInfo, *, now: datetime) -> Fitted | None:
    """Fit anew when the last fit is a day old and there is any history; two workers at once keep one of the two."""
    values: dict[str, Any] = {"district_id": district.id, "now": now, "limit": MOST_ROWS}
    values |= {"features": len(FEATURES), "since": now - EVERY}
    async with pool.connection() as connection:
        row = await (await connection.execute(queries.LAST_FIT_SQL, values)).fetchone()
        version, is_due = row or (0, True)
        if not is_due:
            return None
        rows = await (await connection.execute(queries.HISTORY_SQL, values)).fetchall()
    if not rows:
        return None
    history = _history(rows)
    fitted = await asyncio.to_thread(fit, history, version=version + 1)
    values |= {
        "version": version + 1,
        "rows": len(history),
        "redeemed": int(history.redeemed.sum()),
        "document": Jsonb(fitted.model.document()),
        "reliability": Jsonb(_reliability(fitted.reliability)),
        "is_linear": fitted.model.line is not None,
        "oldest_kept": version + 1 - VERSIONS_KEPT,
    }
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(queries.INSERT_MODEL_SQL, values)
        await connection.execute(queries.FORGET_MODELS_SQL, values)
    log.info(
        "model.fitted",
        district=district.slug,
        version=version + 1,
        rows=len(history),
        is_prior=fitted.model.line is None,
    )
    return fitted


def _history(rows: list[tuple[Any, ...]]) -> History:
    """Rows of HISTORY_SQL, which the driver leaves untyped, from the oldest on."""
    rows.reverse()
    return History(
        features=np.array([row[0] for row in rows], dtype=np.float64),
        redeemed=np.array([row[1] for row in rows], dtype=np.bool_),
        kinds=[row[2] for row in rows],
    )


def _reliability(told: Reliability | None) -> dict[str, Any]:
    """What is kept of it beside the model; empty when there was too little to tell."""
    if told is None:
        return {}
    bins = [
        BinAnswer(
            believed=one.believed,
            offers=one.people,
            redeemed=one.seen.estimate,
            low=one.seen.low,
            high=one.seen.high,
        )
        for one in told.bins
    ]
    answer = ReliabilityAnswer(
        offers=told.rows,
        brier=told.brier,
        brier_prior=told.brier_prior,
        calibration_p=told.calibration_p,
        bins=bins,
    )
    return answer.model_dump()
