"""A member's points: every change of them, each with its posting, under the wallet's lock.

A balance is what the member's lots hold, less his debt. Only taking back makes a debt: what was earned by something
that is undone goes, even if it was spent; what comes next pays it. Spending never goes below zero.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import TupleRow

from district.database import new_id
from district.districts import service as districts
from district.ledger.shares import NOBODY
from district.points import queries
from district.points.models import MovementKind
from district.points.posting import Connection, Funding, write
from district.problems import Conflict

KEPT_AFTER_RETURN = timedelta(days=30)
"""Points that come back to a member live at least so long."""


class PointsMissing(Conflict):
    """More points than the member has."""

    slug, title = "points-missing", "There are not enough points"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What earns points, and what one pays."""

    is_on: bool
    value_minor: int
    life: timedelta
    per_visit: int
    visits_per_day: int
    per_redemption: int
    minor_units_per_point: int | None
    most_per_purchase: int
    most_per_day: int
    merchant_ids: frozenset[uuid.UUID] | None

    def for_purchase(self, amount_minor: int) -> int:
        """What a purchase earns, before the day's limit."""
        if self.minor_units_per_point is None:
            return 0
        return min(amount_minor // self.minor_units_per_point, self.most_per_purchase)


@dataclass(frozen=True, kw_only=True)
class Earning:
    """What brings points. ``subject_id`` brings them once for its kind."""

    kind: MovementKind
    member_id: uuid.UUID
    subject_id: uuid.UUID
    points: int
    at: datetime
    store_id: uuid.UUID | None = None


async def rule_of(connection: Connection, district_id: uuid.UUID) -> Rule | None:
    """The district's rule, switched on or not; None while it has none."""
    row = await (await connection.execute(queries.RULE_SQL, {"district_id": district_id})).fetchone()
    if row is None:
        return None
    return Rule(
        is_on=row[0],
        value_minor=row[1],
        life=timedelta(days=row[2]),
        per_visit=row[3],
        visits_per_day=row[4],
        per_redemption=row[5],
        minor_units_per_point=row[6],
        most_per_purchase=row[7],
        most_per_day=row[8],
        merchant_ids=None if row[9] is None else frozenset(row[9]),
    )


async def earn(connection: Connection, district_id: uuid.UUID, rule: Rule, earning: Earning) -> int:
    """Give what the rule's limits leave of it; how many points it came to. Nothing for who is no member any more."""
    values = _values(district_id, earning.member_id, earning.at)
    debt = await _lock(connection, values)
    key = values | {"kind": earning.kind.value, "subject_id": earning.subject_id}
    if debt is None or await _moved(connection, key) is not None:
        return 0
    points = min(earning.points, await _left_today(connection, values, rule, earning.kind))
    if points <= 0:
        await _pass_over(connection, key, debt)
        return 0
    await _add(
        connection,
        key | {"points": points, "store_id": earning.store_id, "expires_at": earning.at + rule.life},
        debt,
        rule.value_minor,
    )
    return points


async def give(
    connection: Connection, district_id: uuid.UUID, rule: Rule, earning: Earning, funding: Funding
) -> int:
    """Give all that was promised, whatever the rule's limits of a day, at the cost of who promised it; how many points.

    Nothing for who is no member any more, or for a subject that brought them before.
    """
    values = _values(district_id, earning.member_id, earning.at)
    debt = await _lock(connection, values)
    key = values | {"kind": earning.kind.value, "subject_id": earning.subject_id}
    if debt is None or await _moved(connection, key) is not None:
        return 0
    moved = key | {
        "points": earning.points,
        "store_id": earning.store_id,
        "expires_at": earning.at + rule.life,
    }
    await _add(connection, moved, debt, rule.value_minor, funding=funding)
    return earning.points


async def _pass_over(connection: Connection, key: dict[str, Any], debt: int) -> None:
    """Note what earned nothing, so that it is not asked for again."""
    balance = await _balance(connection, key, debt)
    row = key | {"id": new_id(), "points": 0, "balance": balance, "store_id": None, "expires_at": None}
    await connection.execute(queries.ADD_MOVEMENT_SQL, row)


async def take_back(
    connection: Connection,
    district_id: uuid.UUID,
    rule: Rule,
    *,
    of: tuple[MovementKind, uuid.UUID],
    subject_id: uuid.UUID,
    at: datetime,
    points: int | None = None,
) -> int:
    """Take back what an earning brought, or ``points`` of it; what is spent already becomes a debt.

    ``subject_id`` (the reversal, the refund) takes back once.
    """
    earned = await _moved(connection, {"district_id": district_id, "kind": of[0].value, "subject_id": of[1]})
    wanted = 0 if earned is None else earned[2] if points is None else points
    if earned is None or wanted <= 0:
        return 0
    values = _values(district_id, earned[1], at)
    debt = await _lock(connection, values)
    key = values | {"kind": MovementKind.TAKEN_BACK.value, "subject_id": subject_id}
    if debt is None or await _moved(connection, key) is not None:
        return 0
    taken = await _take(connection, values | {"points": wanted, "first_id": earned[0]})
    debt += wanted - sum(amount for amount, _ in taken)
    await connection.execute(queries.SET_DEBT_SQL, values | {"debt": debt})
    moved = key | {"points": -wanted, "store_id": earned[3], "expires_at": None}
    await write(connection, moved, await _balance(connection, values, debt), rule.value_minor)
    return wanted


async def spend(
    connection: Connection, district_id: uuid.UUID, rule: Rule, *, values: dict[str, Any]
) -> datetime:
    """Take the points of a part payment, the soonest to end first, and book it; when the last of them would have ended.

    ``values`` names member_id, id (of the spend), points, merchant_id, store_id and at. Raises: PointsMissing.
    """
    own = _values(district_id, values["member_id"], values["at"])
    debt = await _lock(connection, own)
    balance = 0 if debt is None else await _balance(connection, own, debt)
    if debt is None or balance < values["points"]:
        raise PointsMissing("Take fewer points.", balance=max(0, balance))
    taken = await _take(connection, own | {"points": values["points"], "first_id": NOBODY})
    moved = own | {
        "kind": MovementKind.SPENT.value,
        "subject_id": values["id"],
        "points": -values["points"],
        "store_id": values["store_id"],
        "expires_at": None,
    }
    await write(
        connection, moved, balance - values["points"], rule.value_minor, merchant_id=values["merchant_id"]
    )
    return max(ends for _, ends in taken)


async def give_back(
    connection: Connection, district_id: uuid.UUID, rule: Rule, *, spend_id: uuid.UUID, values: dict[str, Any]
) -> bool:
    """Return the points of a part payment; False when nobody is there to have them.

    They live as long as they would have, and at least thirty days. ``values`` names member_id, points, merchant_id,
    store_id, expires_at and at.
    """
    own = _values(district_id, values["member_id"], values["at"])
    debt = await _lock(connection, own)
    if debt is None:
        return False
    moved = own | {
        "kind": MovementKind.RETURNED.value,
        "subject_id": spend_id,
        "points": values["points"],
        "store_id": values["store_id"],
        "expires_at": max(values["expires_at"], values["at"] + KEPT_AFTER_RETURN),
    }
    await _add(connection, moved, debt, rule.value_minor, merchant_id=values["merchant_id"])
    return True


async def expire(
    connection: Connection, district_id: uuid.UUID, rule: Rule, member_id: uuid.UUID, *, at: datetime
) -> int:
    """End a member's lots whose time is over; how many points they still held."""
    values = _values(district_id, member_id, at)
    debt = await _lock(connection, values)
    if debt is None:
        return 0
    lots = await (await connection.execute(queries.END_LOTS_SQL, values)).fetchall()
    left = await _balance(connection, values, debt) + sum(held for _, held, _ in lots)
    for lot_id, held, ended_at in lots:
        left -= held
        moved = values | {
            "kind": MovementKind.EXPIRED.value,
            "subject_id": lot_id,
            "points": -held,
            "store_id": None,
            "expires_at": ended_at,
        }
        await write(connection, moved, left, rule.value_minor)
    return sum(held for _, held, _ in lots)


def _values(district_id: uuid.UUID, member_id: uuid.UUID, at: datetime) -> dict[str, Any]:
    return {"district_id": district_id, "member_id": member_id, "at": at}


async def _lock(connection: Connection, values: dict[str, Any]) -> int | None:
    """The debt, with the wallet locked; None for who is no member."""
    row = await (await connection.execute(queries.LOCK_WALLET_SQL, values)).fetchone()
    return None if row is None else int(row[0])


async def earned(
    connection: Connection, district_id: uuid.UUID, kind: MovementKind, subject_id: uuid.UUID
) -> int:
    """What a subject brought."""
    values = {"district_id": district_id, "kind": kind.value, "subject_id": subject_id}
    row = await _moved(connection, values)
    return 0 if row is None else int(row[2])


async def _moved(connection: Connection, values: dict[str, Any]) -> TupleRow | None:
    return await (await connection.execute(queries.MOVED_SQL, values)).fetchone()


async def _balance(connection: Connection, values: dict[str, Any], debt: int) -> int:
    row = await (await connection.execute(queries.HELD_SQL, values)).fetchone()
    return (int(row[0]) if row else 0) - debt


async def _left_today(connection: Connection, values: dict[str, Any], rule: Rule, kind: MovementKind) -> int:
    row = await (await connection.execute(queries.DISTRICT_SQL, values)).fetchone()
    assert row is not None  # noqa: S101  the rule is a district's
    district = districts.of_row(row)
    since = district.day_starts_at(district.trading_day(values["at"]))
    found = await (await connection.execute(queries.EARNED_TODAY_SQL, values | {"since": since})).fetchone()
    points, visits = (0, 0) if found is None else found
    if kind is MovementKind.VISIT and visits >= rule.visits_per_day:
        return 0
    return rule.most_per_day - int(points)


async def _take(connection: Connection, values: dict[str, Any]) -> list[tuple[int, datetime]]:
    rows = await (await connection.execute(queries.TAKE_SQL, values)).fetchall()
    return [(int(amount), ends) for amount, ends in rows]


async def _add(
    connection: Connection,
    moved: dict[str, Any],
    debt: int,
    value_minor: int,
    *,
    merchant_id: uuid.UUID | None = None,
    funding: Funding | None = None,
) -> None:
    """Points that come: they pay the debt first, the rest is a lot of its own."""
    paid = min(debt, moved["points"])
    if paid:
        await connection.execute(queries.SET_DEBT_SQL, moved | {"debt": debt - paid})
    before = await _balance(connection, moved, debt)
    moved = moved | {"id": new_id()}
    await connection.execute(queries.ADD_LOT_SQL, moved | {"remaining": moved["points"] - paid})
    await write(
        connection, moved, before + moved["points"], value_minor, merchant_id=merchant_id, funding=funding
    )
