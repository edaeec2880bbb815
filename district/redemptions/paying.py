"""What a bill at a till is made of: the store's price for members, and the points of a pass."""

import uuid
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.points import passes, spending
from district.points.service import Rule
from district.points.spending import PointsOff
from district.redemptions import bill_queries
from push.stacking import Bill, Purse

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Where the bill is."""

    member_price_percent: int
    merchant_id: uuid.UUID | None

    def bill(self, bill_minor: int, *, is_member: bool) -> Bill:
        """The bill, with the standing price when somebody showed that he is a member."""
        percent = self.member_price_percent if is_member else 0
        return Bill(bill_minor=bill_minor, member_price_percent=percent)


@dataclass(frozen=True, kw_only=True)
class Payer:
    """The member whose pass was shown; ``rule`` is None where no points are taken."""

    member_id: uuid.UUID
    balance: int
    rule: Rule | None

    def purse(self, most: int | None) -> Purse | None:
        """The points that may be spent."""
        points = self.balance if most is None else min(most, self.balance)
        if self.rule is None or points == 0:
            return None
        return Purse(points=points, minor_each=self.rule.value_minor)


async def shop(connection: Connection, values: dict[str, Any]) -> Shop:
    """The store of ``store_id``."""
    row = await (await connection.execute(bill_queries.STORE_SQL, values)).fetchone()
    assert row is not None  # noqa: S101  the till stands in it
    return Shop(member_price_percent=row[0], merchant_id=row[1])


async def payer(
    connection: Connection, values: dict[str, Any], place: Shop, pass_code: str | None
) -> Payer | None:
    """Whose pass it is; None without one. Raises: PassUnknown."""
    if pass_code is None:
        return None
    district_id = values["district_id"]
    member_id = await passes.holder(connection, district_id, pass_code, machine_now=values["machine_now"])
    keys = values | {"member_id": member_id}
    row = await (await connection.execute(bill_queries.BALANCE_SQL, keys)).fetchone()
    return Payer(
        member_id=member_id,
        balance=0 if row is None else row[0],
        rule=await _rule(connection, district_id, place),
    )


async def _rule(connection: Connection, district_id: uuid.UUID, place: Shop) -> Rule | None:
    if place.merchant_id is None:
        return None
    try:
        return await spending.rule_here(connection, district_id, place.merchant_id)
    except PointsOff:
        return None
