"""Entries that tills brought in, for those whom they concern, and as CSV."""

import csv
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.redemptions.offline_models import Outcome
from district.redemptions.offline_queries import LISTED_SQL
from district.redemptions.offline_schemas import BroughtIn

PAGE = 100
MOST_CSV = 20_000
COLUMNS = tuple(BroughtIn.model_fields)


@dataclass(frozen=True, kw_only=True)
class Named:
    """An entry with the names of its places."""

    entry: BroughtIn
    store: str
    store_zh: str
    till: str
    first_till: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which entries: all, of one outcome, or those that somebody was charged for."""

    outcome: Outcome | None = None
    is_charged: bool = False
    after: uuid.UUID | None = None


def listed(session: Session, caller: Principal, wanted: Wanted, *, limit: int = PAGE) -> list[Named]:
    """Entries, the newest first: a merchant's own, an operator's all."""
    values = {
        "district_id": caller.district_id,
        "merchant_id": caller.merchant_id,
        "outcome": wanted.outcome.value if wanted.outcome else None,
        "is_charged": wanted.is_charged,
        "after": wanted.after,
        "limit": limit,
    }
    rows: Sequence[Any] = session.connection().exec_driver_sql(LISTED_SQL, values).all()
    return [_named(row) for row in rows]


def _named(row: Sequence[Any]) -> Named:
    columns = dict(zip(COLUMNS, row, strict=False))
    return Named(
        entry=BroughtIn.model_validate(columns),
        store=row[-4],
        store_zh=row[-3],
        till=row[-2],
        first_till=row[-1],
    )


def as_csv(session: Session, caller: Principal, wanted: Wanted) -> str:
    """The same as CSV, a bounded number of them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for named in listed(session, caller, wanted, limit=MOST_CSV):
        told = named.entry.model_dump()
        writer.writerow([_cell(told[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Nothing here begins as a formula does: ids, numbers, times and words of our own."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)
